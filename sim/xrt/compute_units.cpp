#include "xrt/compute_units.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "exalloc_kernel.hpp"
#include "from_environment.hpp"
#include "xrt/quiet_thread.hpp"

// Those of bitstream/kernels.
extern "C" void exalloc_kernel_loopback(exalloc::sim::kernel_start& start);

namespace exalloc::sim {
namespace {

using function = void (*)(kernel_start&);

constexpr std::uint32_t control = 0x00, first_argument = 0x10;
constexpr std::uint32_t ap_start = 1, ap_done = 2, ap_idle = 4, ap_ready = 8;

// A user of the card reads it there.
void tell(const std::string& what) { std::fprintf(stderr, "xrt-sim: %s\n", what.c_str()); }

// In the libraries that EXALLOC_XRT_SIM_KERNELS names, one behind the other with ':'.
function in_libraries(const std::string& symbol) {
  std::string_view left = text_from_environment("EXALLOC_XRT_SIM_KERNELS");
  while (!left.empty()) {
    const auto colon = std::min(left.find(':'), left.size());
    const std::string name(left.substr(0, colon));
    left.remove_prefix(std::min(colon + 1, left.size()));
    if (name.empty()) continue;
    void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      tell(fmt::format("EXALLOC_XRT_SIM_KERNELS: {}", ::dlerror()));
    } else if (void* const found = ::dlsym(library, symbol.c_str()); found != nullptr) {
      return reinterpret_cast<function>(found);
    }
  }
  return nullptr;
}

function find_function(const std::string& kernel) {
  if (const function f = in_libraries("exalloc_kernel_" + kernel); f != nullptr) return f;
  return kernel == "loopback" ? exalloc_kernel_loopback : nullptr;
}

struct stream_end {
  unsigned port;
  bool pop;
};

// "m_axis_pop_2" of exalloc.
std::optional<stream_end> port_named(std::string_view name) {
  for (const bool pop : {true, false}) {
    const std::string_view start = pop ? "m_axis_pop_" : "s_axis_push_";
    if (name.starts_with(start) && name.size() == start.size() + 1 && name.back() >= '0' &&
        name.back() <= '9')
      return stream_end{static_cast<unsigned>(name.back() - '0'), pop};
  }
  return std::nullopt;
}

std::string kernel_of(const xclbin::ip_block& ip) { return ip.name.substr(0, ip.name.find(':')); }

}  // namespace

// One instance of a kernel.
class compute_units::unit {
 public:
  unit(compute_units& of, const xclbin::ip_block& ip, std::vector<argument_register> arguments)
      : of_(of),
        name_(ip.name),
        arguments_(std::move(arguments)),
        does_(find_function(kernel_of(ip))) {}
  ~unit() {
    if (thread_.joinable()) thread_.join();
  }

  void connect(unsigned argument, unsigned port, hls::wire& to) {
    streams_[argument] = {port, &to};
  }

  // Before its first start.
  void attach() {
    for (const auto& [argument, s] : streams_) of_.attach(s.port);
  }

  std::uint32_t read(std::uint32_t offset) {
    const std::lock_guard lock(mutex_);
    if (offset != control) return registers_[offset];
    const std::uint32_t now = status_ | (starts_.empty() ? ap_idle : ap_start);
    status_ = 0;
    return now;
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    if (offset == control) {
      if ((value & ap_start) == 0) return;
      attach();
      return start(first_argument, {}, [](bool) {});
    }
    const std::lock_guard lock(mutex_);
    registers_[offset] = value;
  }
  void start(std::uint32_t first, std::vector<std::uint32_t> values,
             std::function<void(bool)> ended) {
    const std::lock_guard lock(mutex_);
    starts_.push_back({first, std::move(values), std::move(ended)});
    if (starts_.size() != 1) return;
    if (thread_.joinable()) thread_.join();  // it has done its last
    kernel_turns::lock turn = of_.turns_.take();
    of_.turns_.begins(turn);
    thread_ = quiet_thread("exalloc-kernel", [this] { work(); });
  }
  std::size_t queued() {
    const std::lock_guard lock(mutex_);
    return starts_.size();
  }

 private:
  struct asked {
    std::uint32_t first;
    std::vector<std::uint32_t> values;
    std::function<void(bool)> ended;
  };
  struct connected {
    unsigned port;
    hls::wire* to;
  };

  class call final : public kernel_start {
   public:
    explicit call(unit& of) : of_(of) {}
    hls::wire& stream(unsigned argument) override {
      const auto at = of_.streams_.find(argument);
      if (at == of_.streams_.end())
        throw std::runtime_error(fmt::format(
            "argument {} is a stream, which the xclbin does not connect to exalloc", argument));
      return *at->second.to;
    }
    void* memory(unsigned argument) override {
      std::uint64_t address = 0;
      value(argument, &address, sizeof address);
      if (std::byte* const there = of_.of_.around_.memory(address); there != nullptr) return there;
      throw std::runtime_error(fmt::format(
          "argument {} is the address {:#x}, where the card has no memory", argument, address));
    }
    void value(unsigned argument, void* to, std::size_t bytes) override {
      if (argument >= of_.arguments_.size())
        throw std::runtime_error(
            fmt::format("the xclbin knows {} arguments, and it has more", of_.arguments_.size()));
      const std::uint32_t first = of_.arguments_[argument].offset;
      const std::lock_guard lock(of_.mutex_);
      for (std::size_t i = 0; i < bytes; i += sizeof(std::uint32_t)) {
        const std::uint32_t word = of_.registers_[first + static_cast<std::uint32_t>(i)];
        std::memcpy(static_cast<std::byte*>(to) + i, &word,
                    std::min(bytes - i, sizeof(std::uint32_t)));
      }
    }

   private:
    unit& of_;
  };

  // Of its thread, until nothing is asked of it any more.
  void work() {
    bool more = true;
    while (more) {
      {
        const std::lock_guard lock(mutex_);
        const asked& a = starts_.front();
        for (std::size_t i = 0; i < a.values.size(); ++i)
          registers_[a.first + static_cast<std::uint32_t>(i * sizeof(std::uint32_t))] = a.values[i];
      }
      const bool good = run();
      std::function<void(bool)> ended;
      {
        const std::lock_guard lock(mutex_);
        ended = std::move(starts_.front().ended);
        starts_.pop_front();
        more = !starts_.empty();
        status_ = ap_done | ap_ready;
        if (!more) {
          kernel_turns::lock turn = of_.turns_.take();
          of_.turns_.ends(turn);
        }
      }
      ended(good);
    }
  }

  bool run() {
    try {
      if (does_ == nullptr)
        throw std::runtime_error(fmt::format(
            "there is no C++ of it: EXALLOC_XRT_SIM_KERNELS names libraries with kernels"));
      call c(*this);
      does_(c);
      for (const auto& [argument, s] : streams_)
        if (auto* const push = dynamic_cast<kernel_port::push_side*>(s.to)) push->drain();
      return true;
    } catch (const kernel_ends&) {
    } catch (const std::exception& e) {
      tell(fmt::format("kernel {}: {}", name_, e.what()));
    }
    return false;
  }

  compute_units& of_;
  const std::string name_;
  const std::vector<argument_register> arguments_;
  const function does_;
  std::map<unsigned, connected> streams_;
  std::mutex mutex_;  // taken before that of the turns
  std::map<std::uint32_t, std::uint32_t> registers_;
  std::uint32_t status_ = 0;
  std::deque<asked> starts_;  // the first is at work
  std::thread thread_;
};

compute_units::compute_units(const xclbin::contents& c, const kernel_arguments& arguments,
                             kernel_surroundings around)
    : around_(std::move(around)), turns_([this] { around_.wake(); }) {
  const auto argument_of = [&](std::size_t ip, std::int32_t n) -> const argument_register* {
    const auto of = arguments.find(kernel_of(c.ips[ip]));
    if (of == arguments.end() || static_cast<std::size_t>(n) >= of->second.size()) return nullptr;
    return &of->second[static_cast<std::size_t>(n)];
  };
  // The stream port at one end of each connection of streams.
  std::map<std::int32_t, stream_end> ends;
  for (const xclbin::connection& n : c.connections) {
    const auto ip = static_cast<std::size_t>(n.ip);
    const argument_register* const a = argument_of(ip, n.argument);
    if (!c.ips[ip].name.starts_with("exalloc") || a == nullptr) continue;
    if (const auto end = port_named(a->name)) ends[n.memory] = *end;
  }
  for (std::size_t ip = 0; ip < c.ips.size(); ++ip) {
    if (c.ips[ip].name.starts_with("exalloc") || c.ips[ip].control == "none") continue;
    const auto of = arguments.find(kernel_of(c.ips[ip]));
    units_[ip] = std::make_unique<unit>(
        *this, c.ips[ip], of != arguments.end() ? of->second : std::vector<argument_register>{});
  }
  for (const xclbin::connection& n : c.connections) {
    const auto unit = units_.find(static_cast<std::size_t>(n.ip));
    const auto end = ends.find(n.memory);
    if (unit == units_.end() || end == ends.end()) continue;
    auto& p = ports_[end->second.port];
    if (p.kernels == nullptr) p.kernels = std::make_shared<kernel_port>(turns_);
    unit->second->connect(
        static_cast<unsigned>(n.argument), end->second.port,
        end->second.pop ? static_cast<hls::wire&>(p.kernels->pop) : p.kernels->push);
  }
}

compute_units::~compute_units() {
  turns_.end_all();
  units_.clear();
  for (const auto& [number, p] : ports_)
    if (p.attached) around_.attach(number, nullptr);
}

// Ports that nobody uses are not clocked.
void compute_units::attach(unsigned number) {
  const std::lock_guard lock(attaching_);
  port& p = ports_.at(number);
  if (!std::exchange(p.attached, true)) around_.attach(number, p.kernels);
}

bool compute_units::has(std::size_t ip) const { return units_.contains(ip); }

std::uint32_t compute_units::read(std::size_t ip, std::uint32_t offset) {
  return units_.at(ip)->read(offset);
}
void compute_units::write(std::size_t ip, std::uint32_t offset, std::uint32_t value) {
  units_.at(ip)->write(offset, value);
}
void compute_units::start(std::size_t ip, std::uint32_t first, std::vector<std::uint32_t> registers,
                          std::function<void(bool good)> ended) {
  units_.at(ip)->attach();
  units_.at(ip)->start(first, std::move(registers), std::move(ended));
}
std::size_t compute_units::queued(std::size_t ip) { return units_.at(ip)->queued(); }

}  // namespace exalloc::sim
