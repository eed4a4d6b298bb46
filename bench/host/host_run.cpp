#include "host/host_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace exalloc::bench {
namespace {

constexpr const char* one_thread = " a b64 b512 c ";
constexpr const char* any_thread = " a b64 b512 c d_touched d_untouched ";
constexpr const char* all_sizes = " a b64 b512 c d_touched d_untouched f ";
constexpr const char* fixed = " a b64 b512 c d_touched d_untouched g ";

[[maybe_unused]] std::string not_there(const char* package) {
  return fmt::format("was not installed when CMake ran (apt-get install {}, then scripts/build)",
                     package);
}

host_allocator preloaded(const char* name, const char* file, const char* package,
                         std::vector<std::string> tuning) {
  host_allocator a{name, all_sizes, {}, std::move(tuning), {}};
  if (file == nullptr) a.absent = not_there(package);
  if (file != nullptr) a.environment.push_back(std::string("LD_PRELOAD=") + file);
  return a;
}

#ifndef EXALLOC_BENCH_JEMALLOC
#define EXALLOC_BENCH_JEMALLOC nullptr
#endif
#ifndef EXALLOC_BENCH_MIMALLOC
#define EXALLOC_BENCH_MIMALLOC nullptr
#endif
#ifndef EXALLOC_BENCH_TCMALLOC
#define EXALLOC_BENCH_TCMALLOC nullptr
#endif
#ifdef EXALLOC_BENCH_BOOST
const std::string no_boost;
#else
const std::string no_boost = not_there("libboost-dev");
#endif
#ifdef EXALLOC_BENCH_DPDK
const std::string no_dpdk;
#else
const std::string no_dpdk = not_there("libdpdk-dev");
#endif

std::string worker() {
  const auto file =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc-bench-host";
  if (!std::filesystem::exists(file))
    throw std::runtime_error(
        fmt::format("{}: not there; builds with sanitizers have none, else build it: cmake --build "
                    "build --target exalloc-bench-host",
                    file.string()));
  return file;
}

struct ended {
  int status;
  std::string text;  // stdout and stderr
  std::string last_line() const {
    const std::size_t end = text.find_last_not_of("\n");
    if (end == text.npos) return {};
    const std::size_t begin = text.find_last_of('\n', end);
    return text.substr(begin == text.npos ? 0 : begin + 1,
                       end - (begin == text.npos ? 0 : begin + 1) + 1);
  }
};

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

// Runs a program to its end, with the environment's changes.
ended run(std::vector<std::string> words, const std::vector<std::string>& changes) {
  std::vector<std::string> variables;
  const auto name = [](const std::string& v) { return v.substr(0, v.find('=') + 1); };
  for (char** v = environ; *v != nullptr; ++v)
    if (std::none_of(changes.begin(), changes.end(), [&](auto& c) { return name(c) == name(*v); }))
      variables.emplace_back(*v);
  variables.insert(variables.end(), changes.begin(), changes.end());
  const auto pointers = [](std::vector<std::string>& from) {
    std::vector<char*> out;
    for (std::string& s : from) out.push_back(s.data());
    out.push_back(nullptr);
    return out;
  };
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "bench host: pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr,
                                   pointers(words).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  ended out{};
  std::array<char, 4096> some{};
  for (ssize_t n; error == 0 && (n = ::read(ends[0], some.data(), some.size())) > 0;)
    out.text.append(some.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  if (error != 0) fail(error, "bench host: " + words[0]);
  ::waitpid(child, &out.status, 0);
  return out;
}

std::string why(const ended& e) {
  if (WIFSIGNALED(e.status))
    return fmt::format("ended by signal {} ({})", WTERMSIG(e.status),
                       ::strsignal(WTERMSIG(e.status)));
  const std::string line = e.last_line();
  return line.empty() ? fmt::format("ended with status {}", WEXITSTATUS(e.status)) : line;
}

using field = std::pair<const char*, double sample::*>;
constexpr std::array<field, 8> fields{{{"ns_per_pair", &sample::ns_per_pair},
                                       {"cpu_ns_per_pair", &sample::cpu_ns_per_pair},
                                       {"p50", &sample::p50},
                                       {"p99", &sample::p99},
                                       {"p999", &sample::p999},
                                       {"p9999", &sample::p9999},
                                       {"max", &sample::max},
                                       {"held_over_live", &sample::held_over_live}}};

sample parse(const std::string& line) {
  const auto json = nlohmann::json::parse(line);
  sample s;
  for (const auto& [name, member] : fields)
    if (json.at(name).is_number()) s.*member = json.at(name).get<double>();
  return s;
}

double median(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (values.empty()) return none;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

sample medians(const std::vector<sample>& all) {
  sample out;
  for (const auto& [name, member] : fields) {
    std::vector<double> values;
    for (const sample& s : all) values.push_back(s.*member);
    out.*member = median(values);
  }
  return out;
}

bool chosen(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<unsigned> sizes_of(const std::string& what, const host_options& options) {
  if (what == "f") return {0};
  if (!options.sizes.empty()) return options.sizes;
  return {host_sizes.begin(), host_sizes.end()};
}

std::vector<std::string> environment_of(const host_allocator& a, const std::string& what) {
  std::vector<std::string> out = a.environment;
  if (what[0] <= 'c') out.insert(out.end(), a.tuning.begin(), a.tuning.end());
  return out;
}

bool is_measured(const host_allocator& a, const std::string& what, unsigned size) {
  // A bulk of many sizes is many bulks.
  return a.absent.empty() && a.does(what) && !(a.name == "dpdk-bulk" && size == 0);
}

}  // namespace

const std::vector<host_allocator>& host_allocators() {
  const std::vector<std::string> soft{"EXALLOC_CARD=soft"};
  // Caches that hold the 512 blocks out of case b512, and no memory given back to the system. In
  // case d that saves some of the time and costs four to ten times the p99.9; in f it holds more.
  static const std::vector<host_allocator> all{
      {"exalloc-zone", fixed, soft, {}, {}},
      {"exalloc-zone-lockfree", fixed, soft, {}, {}},
      {"exalloc-zone-core", fixed, {"EXALLOC_CARD=soft-core"}, {}, {}},
      {"exalloc-lookaside", all_sizes, soft, {}, {}},
      {"exalloc-pool", all_sizes, soft, {}, {}},
      {"glibc",
       all_sizes,
       {},
       {"GLIBC_TUNABLES=glibc.malloc.tcache_count=1024:glibc.malloc.trim_threshold=268435456:"
        "glibc.malloc.top_pad=67108864"},
       {}},
      preloaded("jemalloc", EXALLOC_BENCH_JEMALLOC, "libjemalloc2",
                {"MALLOC_CONF=tcache_nslots_small_min:1024,tcache_nslots_small_max:2048"}),
      preloaded("mimalloc", EXALLOC_BENCH_MIMALLOC, "libmimalloc2.0", {}),
      preloaded("tcmalloc", EXALLOC_BENCH_TCMALLOC, "libtcmalloc-minimal4",
                {"TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=268435456"}),
      {"boost-pool", " a b64 b512 c f ", {}, {}, no_boost},
      {"boost-lockfree", fixed, {}, {}, no_boost},
      {"pmr", all_sizes, {}, {}, {}},
      {"dpdk-cached", fixed, {}, {}, no_dpdk},
      {"dpdk-bulk", any_thread, {}, {}, no_dpdk},
      {"spinlock", fixed, {}, {}, {}},
      {"treiber", fixed, {}, {}, {}},
      {"private-list", one_thread, {}, {}, {}},
      {"empty", any_thread, {}, {}, {}},
  };
  return all;
}

host_results measure_host(const host_options& options, const host_progress& tell) {
  const std::string program = worker();
  const std::string time = fmt::format("{}", options.milliseconds);
  using key = std::tuple<std::size_t, std::size_t, std::size_t>;  // case, size, allocator
  std::map<key, std::vector<sample>> samples;
  std::map<key, std::string> failures;
  host_results out;
  std::mt19937 random(1);
  for (unsigned round = 0; round < options.rounds; ++round) {
    std::vector<double> one_way;
    for (std::size_t c = 0; c < host_cases.size(); ++c) {
      const std::string what = host_cases[c].name;
      if (!chosen(options.cases, what)) continue;
      tell(fmt::format("round {} of {}, case {}", round + 1, options.rounds, what));
      const ended line = run({program, "core-to-core", "-", "0", "5"}, {});
      if (line.status == 0) one_way.push_back(parse(line.last_line()).ns_per_pair);
      const auto sizes = sizes_of(what, options);
      for (std::size_t z = 0; z < sizes.size(); ++z) {
        // In another order each time: none always follows the same one.
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < host_allocators().size(); ++i) order.push_back(i);
        std::shuffle(order.begin(), order.end(), random);
        for (const std::size_t i : order) {
          const host_allocator& a = host_allocators()[i];
          if (!chosen(options.allocators, a.name) || !is_measured(a, what, sizes[z])) continue;
          if (failures.contains({c, z, i})) continue;
          const ended e =
              run({program, a.name, what, std::to_string(sizes[z]), time}, environment_of(a, what));
          if (e.status == 0) {
            samples[{c, z, i}].push_back(parse(e.last_line()));
          } else {
            failures[{c, z, i}] = why(e);
          }
        }
      }
    }
    if (!one_way.empty()) out.core_to_core_ns.push_back(median(one_way));
  }
  const auto add = [&](const key& k) -> host_row& {
    const auto& [c, z, i] = k;
    const std::string what = host_cases[c].name;
    return out.rows.emplace_back(
        host_row{host_allocators()[i].name, what, sizes_of(what, options)[z], {}, 0, {}});
  };
  for (const auto& [k, all] : samples) {
    if (failures.contains(k)) continue;
    host_row& row = add(k);
    row.medians = medians(all);
    row.rounds = static_cast<unsigned>(all.size());
  }
  for (const auto& [k, failure] : failures) add(k).failure = failure;
  return out;
}

std::vector<host_instructions> count_host_instructions(const host_options& options,
                                                       const host_progress& tell) {
  const std::string program = worker();
  // Two counts of different length: their difference is free of what begins and ends a process.
  constexpr unsigned few = 20480, many = 122880;
  const auto count = [&](const host_allocator& a, const std::string& what, unsigned pairs) {
    const ended e =
        run({"valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
             program, a.name, what, "64", "0", std::to_string(pairs)},
            environment_of(a, what));
    const std::size_t at = e.text.find("refs:");
    if (e.status != 0 || at == e.text.npos) throw std::runtime_error(why(e));
    std::string digits;
    for (std::size_t i = at + 5; i < e.text.size() && e.text[i] != '\n'; ++i)
      if (e.text[i] >= '0' && e.text[i] <= '9') digits += e.text[i];
    return std::stod(digits);
  };
  std::vector<host_instructions> out;
  for (const host_allocator& a : host_allocators()) {
    // The helper thread's instructions are not those of a call.
    if (!chosen(options.allocators, a.name) || !a.absent.empty() || a.name == "exalloc-zone-core")
      continue;
    for (const char* what : {"a", "b64"}) {
      if (!chosen(options.cases, what)) continue;
      tell(fmt::format("{}, case {}", a.name, what));
      host_instructions& i = out.emplace_back(host_instructions{a.name, what, none, {}});
      try {
        i.per_pair = (count(a, what, many) - count(a, what, few)) / (many - few);
      } catch (const std::system_error&) {
        throw std::runtime_error("--instructions needs valgrind (apt-get install valgrind)");
      } catch (const std::runtime_error& e) {
        i.failure = e.what();
      }
    }
  }
  return out;
}

const std::vector<host_goal>& host_goals() {
  constexpr auto ns = &sample::ns_per_pair, cpu = &sample::cpu_ns_per_pair, tail = &sample::p999;
  static const std::vector<host_goal> all{
      {"a", "exalloc-zone", "dpdk-cached", 64, ns, "time", 2.5},
      {"b64", "exalloc-zone", "dpdk-cached", 64, ns, "time", 2.5},
      {"a", "exalloc-zone", "private-list", 64, ns, "time", 0.6},
      {"b512", "exalloc-zone", "dpdk-cached", 64, ns, "time", 1.2},
      {"b512", "exalloc-zone", "dpdk-cached", 256, ns, "time", 1.2},
      {"c", "exalloc-zone-lockfree", "dpdk-cached", 64, ns, "time", 1.5},
      {"c", "exalloc-zone-lockfree", "treiber", 64, ns, "time", 40},
      {"d_untouched", "exalloc-zone-lockfree", "dpdk-cached", 64, ns, "time", 1.2},
      {"d_untouched", "exalloc-zone-lockfree", "dpdk-cached", 64, cpu, "processor time", 1.8},
      {"d_touched", "exalloc-zone-lockfree", "dpdk-cached", 64, tail, "p99.9", 4},
      {"d_touched", "exalloc-zone-lockfree", "malloc", 64, tail, "p99.9", 1.5},
      {"a", "exalloc-pool", "malloc", 64, ns, "time", 1.5},
      {"b64", "exalloc-pool", "malloc", 64, ns, "time", 1.5},
      {"b512", "exalloc-pool", "malloc", 64, ns, "time", 1.5},
      {"d_untouched", "exalloc-pool", "malloc", 64, ns, "time", 3},
  };
  return all;
}

double ratio_of(const host_goal& goal, const host_results& results) {
  const auto figure = [&](const std::string& allocator) {
    for (const host_row& r : results.rows)
      if (r.allocator == allocator && r.what == goal.what && r.size == goal.size)
        return r.medians.*goal.figure;
    return none;
  };
  double peer = figure(goal.peer);
  if (std::strcmp(goal.peer, "malloc") == 0)
    for (const char* name : {"glibc", "jemalloc", "mimalloc", "tcmalloc"})
      peer = std::fmin(peer, figure(name));  // of a NaN and a number, the number
  return peer / figure(goal.ours);
}

}  // namespace exalloc::bench
