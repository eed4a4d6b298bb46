// A process to watch: watched/program.cpp, told what to do a line at a time.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

inline std::filesystem::path beside_the_tests(const std::string& program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

class watched_process {
 public:
  // `environment`: NAME=VALUE, beyond this process's own.
  explicit watched_process(const std::vector<std::string>& environment = {}) {
    int in[2], out[2];
    // Other children must not keep them open.
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    const std::string program = beside_the_tests("watched_program");
    child_ = fork();
    if (child_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      for (const std::string& e : environment) putenv(const_cast<char*>(e.c_str()));
      execl(program.c_str(), program.c_str(), nullptr);
      _exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = fdopen(in[1], "w");
    from_ = fdopen(out[0], "r");
  }
  ~watched_process() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    if (to_ != nullptr) std::fclose(to_);
    std::fclose(from_);
  }
  watched_process(const watched_process&) = delete;
  watched_process& operator=(const watched_process&) = delete;

  pid_t pid() const { return child_; }
  std::uint64_t number() const { return static_cast<std::uint64_t>(child_); }
  std::string page() const { return "/dev/shm/exalloc-" + std::to_string(child_); }
  bool has_page() const { return std::filesystem::exists(page()); }

  // Its answer; empty when it has ended.
  std::string tell(const std::string& line) {
    say(line);
    return hear();
  }
  void say(const std::string& line) {
    std::fprintf(to_, "%s\n", line.c_str());
    std::fflush(to_);
  }
  std::string hear() {
    std::string answer;
    for (int c; (c = std::fgetc(from_)) != EOF && c != '\n';) answer += static_cast<char>(c);
    return answer;
  }
  std::vector<std::uint64_t> numbers(const std::string& line) {
    std::istringstream words(tell(line));
    std::vector<std::uint64_t> result;
    for (std::string w; words >> w;) result.push_back(std::stoull(w, nullptr, 0));
    return result;
  }

  // Returns when a process that is to stop has stopped.
  void signal(int number) const {
    ::kill(child_, number);
    int status = 0;
    if (number == SIGSTOP) ::waitpid(child_, &status, WUNTRACED);
  }
  // Lets it end by itself, as a program does; its wait status.
  int end() {
    std::fclose(to_);
    to_ = nullptr;
    return wait();
  }
  int wait() {
    int status = -1;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

 private:
  pid_t child_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};
