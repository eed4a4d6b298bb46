#include "card/xrt_card.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "card/xrt_devices.hpp"
#include "exalloc/regs.hpp"
#include "from_environment.hpp"
#include "xclbin.hpp"

namespace exalloc::xrt_card {
namespace {

namespace off = regs::offset;
using std::chrono::steady_clock;

constexpr std::uint32_t all_ones = 0xFFFF'FFFF;
constexpr std::uint32_t identity = 0x4C41'5845;  // "EXAL"
constexpr std::chrono::milliseconds watch_period(100), notification_wait(100);
constexpr std::chrono::seconds reset_patience(60);  // a simulated card takes its time
constexpr unsigned looks_between_yields = 8;

template <class... Arguments>
[[noreturn]] void fail(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  throw std::runtime_error(fmt::format("exalloc: the card \"xrt\": {}",
                                       fmt::format(text, std::forward<Arguments>(arguments)...)));
}

// XRT's own codes are in its exceptions' what(), which is all that is common to them.
bool busy(const std::exception& e) {
  const std::string_view what = e.what();
  return what.find("busy") != std::string_view::npos || what.find("-16") != std::string_view::npos;
}

void need_xrt() {
  const std::string problem = xrt_problem();
  if (!problem.empty()) fail("{}", problem);
}

// The exalloc kernel of an xclbin, as XRT wants it named; and the host memory it is connected to.
struct kernel {
  std::string name;
  xrt::memory_group host_bank;
};

kernel find_kernel(const xclbin::contents& c, const std::string& file) {
  std::string others;
  for (std::size_t i = 0; i < c.ips.size(); ++i) {
    const xclbin::ip_block& p = c.ips[i];
    others += fmt::format("{}{}", others.empty() ? "" : ", ", p.name);
    if (!p.name.starts_with("exalloc:")) continue;
    const auto colon = p.name.find(':');
    if (!p.interrupt) fail("in {} the interrupt of {} is not connected", file, p.name);
    for (const xclbin::connection& n : c.connections) {
      const xclbin::memory_bank& m = c.memories[static_cast<std::size_t>(n.memory)];
      if (static_cast<std::size_t>(n.ip) == i && m.name.starts_with("HOST"))
        return {fmt::format("{}:{{{}}}", p.name.substr(0, colon), p.name.substr(colon + 1)),
                static_cast<xrt::memory_group>(n.memory)};
    }
    fail("in {} {} is not connected to host memory (HOST[0]); link it with --connectivity.sp", file,
         p.name);
  }
  fail("{} is no exalloc xclbin: its kernels are {}", file, others.empty() ? "none" : others);
}

// The one whose memory a child must not share with its parent.
std::atomic<xrt_card*> in_use{nullptr};

// The library's own fork handlers are registered after this: its locks are taken before and let go
// of after those here.
void watch_forks() {
  static const int once = pthread_atfork(
      [] {
        if (xrt_card* const c = in_use.load(std::memory_order_relaxed)) c->placed().before_fork();
      },
      [] {
        if (xrt_card* const c = in_use.load(std::memory_order_relaxed))
          c->placed().after_fork(false);
      },
      [] {
        if (xrt_card* const c = in_use.load(std::memory_order_relaxed))
          c->placed().after_fork(true);
      });
  (void)once;
}

}  // namespace

settings asked_settings() {
  return {std::string(text_from_environment("EXALLOC_XRT_DEVICE", "0")),
          std::string(text_from_environment("EXALLOC_XRT_XCLBIN"))};
}

struct xrt_card::opened {
  xrt::device device;
  xrt::ip ip;
  xrt::memory_group host_bank;
  xrt_card::banks banks;
};

xrt_card::opened xrt_card::open(const settings& asked) {
  need_xrt();
  if (asked.xclbin.empty()) fail("EXALLOC_XRT_XCLBIN does not say which xclbin to load onto it");
  const xclbin::contents file = [&] {
    try {
      return xclbin::read_file(asked.xclbin);
    } catch (const xclbin::format_error& e) {
      fail("{} is no good xclbin: {}", asked.xclbin,
           std::string_view(e.what()).substr(
               std::min(asked.xclbin.size() + 2, std::string_view(e.what()).size())));
    } catch (const std::exception& e) {
      fail("the xclbin {}; set EXALLOC_XRT_XCLBIN", e.what());
    }
  }();
  const kernel k = find_kernel(file, asked.xclbin);
  opened out;
  out.host_bank = k.host_bank;
  for (std::size_t i = 0; i < file.memories.size(); ++i) {
    const xclbin::memory_bank& m = file.memories[i];
    if (m.used && !m.is_stream() && !m.name.starts_with("HOST"))
      out.banks.emplace_back(m.name, static_cast<xrt::memory_group>(i));
  }
  try {
    const bool index = asked.device.find_first_not_of("0123456789") == std::string::npos;
    out.device = index ? xrt::device(static_cast<unsigned>(std::stoul(asked.device)))
                       : xrt::device(asked.device);
  } catch (const std::exception& e) {
    fail("XRT has no device {} ({}); `exalloc info` lists those it has, EXALLOC_XRT_DEVICE chooses",
         asked.device, e.what());
  }
  xrt::uuid loaded;
  try {
    loaded = out.device.load_xclbin(asked.xclbin);
  } catch (const std::exception& e) {
    if (busy(e))
      fail(
          "another process uses device {} with another xclbin; `fuser -v /dev/dri/render*` names "
          "it",
          asked.device);
    fail("{}, which is for the shell {}, cannot be loaded onto device {}, which is {}: {}",
         asked.xclbin, file.shell, asked.device, out.device.get_info<xrt::info::device::name>(),
         e.what());
  }
  try {
    out.ip = xrt::ip(out.device, loaded, k.name);
  } catch (const std::exception& e) {
    if (busy(e))
      fail(
          "device {} is in use: another process, or another part of this one, has it; `fuser -v "
          "/dev/dri/render*` names it, EXALLOC_XRT_DEVICE chooses another device",
          asked.device);
    fail("XRT does not open {} on device {}: {}", k.name, asked.device, e.what());
  }
  return out;
}

xrt_card::xrt_card(const settings& asked) : xrt_card(open(asked)) {}

xrt_card::xrt_card(opened&& o)
    : device_(std::move(o.device)),
      ip_(std::move(o.ip)),
      host_bank_(o.host_bank),
      banks_(std::move(o.banks)),
      placed_(device_, host_bank_) {
  need_host_memory();
  reset();
  watch_forks();
  in_use.store(this, std::memory_order_relaxed);
}

xrt_card::~xrt_card() {
  in_use.store(nullptr, std::memory_order_relaxed);
  notification_.reset();
  // The card must not reach what is about to be somebody else's memory.
  try {
    reset();
  } catch (const std::exception&) {
  }
}

// Where none has been set aside XRT loads the xclbin all the same.
void xrt_card::need_host_memory() {
  constexpr std::size_t rings = 1U << 16;  // of one processor
  try {
    host_memory(device_, host_bank_, rings);
  } catch (const std::bad_alloc&) {
    fail(
        "no host memory is set aside for it, or none is left: `sudo xbutil configure --host-mem -d "
        "BDF --size 1G enable`, before any program opens it; the U50 gen3x4 and U50LV platforms "
        "have none");
  }
}

// A card of another layout is left as it is: who opened it will refuse it.
void xrt_card::reset() {
  if (read(off::id) != identity || read(off::layout_hash) != regs::layout_hash) return;
  write(off::control, static_cast<std::uint32_t>(regs::control::reset.set(0, 1)));
  const auto until = steady_clock::now() + reset_patience;
  while (!regs::card_status::ready.get(read(off::card_status))) {
    relax();
    if (steady_clock::now() >= until) return;  // so does the library, and says it
  }
}

std::uint32_t xrt_card::read(std::uint32_t offset) {
  if (gone_.load(std::memory_order_acquire)) return all_ones;
  try {
    return ip_.read_register(offset);
  } catch (const std::out_of_range&) {
    throw;
  } catch (const std::exception& e) {
    lose(fmt::format("XRT cannot read its registers any more: {}", e.what()));
    return all_ones;
  }
}

void xrt_card::write(std::uint32_t offset, std::uint32_t value) {
  if (gone_.load(std::memory_order_acquire)) return;
  try {
    ip_.write_register(offset, value);
  } catch (const std::out_of_range&) {
    throw;
  } catch (const std::exception& e) {
    lose(fmt::format("XRT cannot write its registers any more: {}", e.what()));
  }
}

std::unique_ptr<dma_memory> xrt_card::allocate(std::size_t bytes) {
  return host_memory(device_, host_bank_, bytes);
}

std::unique_ptr<card_memory> xrt_card::allocate_on_card(const std::string& bank,
                                                        std::size_t bytes) {
  std::string known;
  for (const auto& [name, group] : banks_) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
    if (!bank.empty() && bank != name) continue;
    try {
      return bank_memory(device_, group, bytes, placed_);
    } catch (const std::exception& e) {
      fail("XRT has no {} bytes in {}: {}; use less, or another bank", bytes, name, e.what());
    }
  }
  fail("its xclbin has no memory {} that a kernel is connected to; it has {}",
       bank.empty() ? "on the card" : bank, known.empty() ? "none" : known);
}

std::uint64_t xrt_card::lock_memory(std::byte* first, std::size_t bytes) {
  return placed_.in_child() ? card::lock_memory(first, bytes) : placed_.place(first, bytes);
}

bool xrt_card::unlock_memory(std::byte* first, std::size_t bytes) noexcept {
  return placed_.in_child() ? card::unlock_memory(first, bytes) : placed_.remove(first, bytes);
}

void xrt_card::lose(const std::string& why) noexcept {
  const std::lock_guard lock(gone_mutex_);
  if (gone_.load(std::memory_order_relaxed)) return;
  why_gone_ = why;
  gone_.store(true, std::memory_order_release);
}

// Now and then somebody who waits for the card looks whether it is still there.
void xrt_card::watch() {
  if (!gone_.load(std::memory_order_acquire)) {
    const std::int64_t now = (steady_clock::now() - start_).count();
    std::int64_t due = next_watch_.load(std::memory_order_relaxed);
    if (now < due || !next_watch_.compare_exchange_strong(
                         due, now + std::chrono::nanoseconds(watch_period).count()))
      return;
    if (read(off::id) == all_ones)
      lose(
          "its registers read as all ones: it has left the bus, or somebody has reset it; "
          "`dmesg | grep -i xocl` may say more");
  }
  if (!gone_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(gone_mutex_);
  throw std::runtime_error(why_gone_);
}

void xrt_card::relax() {
  thread_local unsigned looks = 0;
  if (++looks % looks_between_yields == 0) {
    watch();
    ::sched_yield();
  } else {
    for (unsigned i = 0; i < 4; ++i) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    }
  }
}

std::uint64_t xrt_card::now_ns() {
  return static_cast<std::uint64_t>((steady_clock::now() - start_) / std::chrono::nanoseconds(1));
}

bool xrt_card::raised() { return (read(off::interrupt_status) & read(off::interrupt_enable)) != 0; }

bool xrt_card::wait_interrupt(std::uint64_t timeout_ns) {
  constexpr std::uint64_t longest = std::uint64_t{1} << 60;  // a clock can still add it
  const auto until = steady_clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, longest));
  for (;;) {
    watch();
    if (raised()) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) return false;
    const auto slice = std::min(left, notification_wait);
    std::unique_lock lock(interrupt_mutex_);
    if (somebody_waits_) {
      interrupt_came_.wait_for(lock, slice);
      continue;
    }
    somebody_waits_ = true;
    lock.unlock();
    const auto done = [&] {
      lock.lock();
      somebody_waits_ = false;
      lock.unlock();
      interrupt_came_.notify_all();
    };
    try {
      if (notification_ == nullptr)
        notification_ = std::make_unique<xrt::ip::interrupt>(ip_.create_interrupt_notify());
      // The first only looks whether there is one; the second takes it and asks for the next.
      if (notification_->wait(slice) == std::cv_status::no_timeout) notification_->wait();
    } catch (...) {
      done();
      throw;
    }
    done();
  }
}

}  // namespace exalloc::xrt_card

extern "C" EXALLOC_API exalloc::card* exalloc_xrt_open_card() {
  using namespace exalloc::xrt_card;
  return std::make_unique<xrt_card>(asked_settings()).release();
}
