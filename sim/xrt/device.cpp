#include "xrt/device.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xrt_mem.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "exalloc/regs.hpp"
#include "from_environment.hpp"

namespace exalloc::sim {
namespace {

constexpr std::uint32_t register_bytes = 0x10000;
constexpr const char* layout_key = "exalloc.layout_hash";
// So long the reporter waits for an interrupt before it looks whether it is still wanted.
constexpr std::uint64_t look_ns = 20'000'000;

std::unique_ptr<device_memory> memory_named(const xclbin::contents& c, std::string_view start) {
  for (const xclbin::memory_bank& m : c.memories) {
    if (m.used && m.name.starts_with(start))
      return std::make_unique<device_memory>(m.base, m.size_kb << 10);
  }
  return nullptr;
}

// A thread that gets none of the program's signals.
template <class Body>
std::thread quiet_thread(const char* name, Body&& body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread out;
  try {
    out = std::thread(std::forward<Body>(body));
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(out.native_handle(), name);
  return out;
}

}  // namespace

device::state::state(const xclbin::contents& c)
    : from(c),
      host(memory_named(c, "HOST")),
      bank(memory_named(c, "HBM")),
      layout_hash(regs::layout_hash) {
  if (host == nullptr) throw std::system_error(EINVAL, std::generic_category());
  card = std::make_unique<sim_card>(asked_link(), *host);
  if (const auto at = c.key_values.find(layout_key); at != c.key_values.end())
    layout_hash = static_cast<std::uint32_t>(std::strtoul(at->second.c_str(), nullptr, 0));
}

int device::load(const xclbin::contents& c) {
  const std::lock_guard lock(mutex_);
  if (state_ != nullptr && state_->from.id == c.id) return 0;
  if (context_ || !buffers_.empty()) return -EBUSY;
  try {
    state_ = std::make_shared<state>(c);
    if (!pump_.joinable()) pump_ = quiet_thread("exalloc-sim", [this] { pump(); });
  } catch (const std::system_error& e) {
    return -e.code().value();
  } catch (const std::exception&) {
    return -EINVAL;
  }
  return 0;
}

std::optional<xclbin::contents> device::loaded() const {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr) return std::nullopt;
  return state_->from;
}

// A POSIX record lock: it goes with the process that has it, and no child inherits it.
int device::lock_owner() {
  const std::string name(text_from_environment("EXALLOC_XRT_SIM_OWNER"));
  if (name.empty()) return 0;
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return -errno;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  if (::fcntl(file, F_SETLK, &whole) != 0) {
    ::close(file);
    return -EBUSY;
  }
  owner_file_ = file;
  return 0;
}

void device::unlock_owner() {
  if (owner_file_ >= 0) ::close(owner_file_);
  owner_file_ = -1;
}

int device::open_context(const xclbin::uuid& id, unsigned ip) {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr || state_->from.id != id || ip >= state_->from.ips.size()) return -EINVAL;
  if (context_) return -EBUSY;
  if (const int error = lock_owner(); error != 0) return error;
  context_ = ip;
  return 0;
}

int device::close_context(unsigned ip) {
  const std::lock_guard lock(mutex_);
  if (context_ != ip) return -EINVAL;
  context_.reset();
  unlock_owner();
  return 0;
}

// After EXALLOC_XRT_SIM_VANISH register accesses the card is gone: reads give all ones, as from a
// PCIe device that does not answer.
bool device::vanished() {
  const auto after = number_from_environment("EXALLOC_XRT_SIM_VANISH", 0, UINT64_MAX);
  return after && ++accesses_ > *after;
}

int device::read(unsigned ip, std::uint32_t offset, std::uint32_t& value) {
  std::shared_ptr<state> s;
  {
    const std::lock_guard lock(mutex_);
    if (offset % 4 != 0 || offset >= register_bytes) return -EINVAL;
    if (context_ != ip) return -EPERM;
    value = 0xFFFF'FFFF;
    if (vanished()) return 0;
    s = state_;
  }
  if (offset == regs::offset::layout_hash) {
    value = s->layout_hash;
    return 0;
  }
  try {
    value = s->card->read(offset);
  } catch (const std::exception&) {
    value = 0xFFFF'FFFF;  // what a processor gets for an error of the bus
  }
  return 0;
}

int device::write(unsigned ip, std::uint32_t offset, std::uint32_t value) {
  std::shared_ptr<state> s;
  {
    const std::lock_guard lock(mutex_);
    if (offset % 4 != 0 || offset >= register_bytes) return -EINVAL;
    if (context_ != ip) return -EPERM;
    if (vanished()) return 0;
    s = state_;
  }
  s->card->write(offset, value);
  wake_pump();
  return 0;
}

std::optional<unsigned> device::allocate(std::uint64_t bytes, unsigned flags, std::byte* program) {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr || bytes == 0) return std::nullopt;
  buffer b;
  b.bytes = bytes;
  b.flags = flags;
  b.in_host = (flags & XRT_BO_FLAGS_HOST_ONLY) != 0;
  device_memory* const memory = (b.in_host ? state_->host : state_->bank).get();
  if (memory == nullptr) return std::nullopt;
  const auto address = memory->take(bytes);
  if (!address) return std::nullopt;
  b.address = *address;
  b.program = program;
  if (program == nullptr && !b.in_host && (flags & XRT_BO_FLAGS_DEV_ONLY) == 0) {
    void* const own =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) {
      memory->give_back(b.address, bytes);
      return std::nullopt;
    }
    b.program = static_cast<std::byte*>(own);
    b.own_program = true;
  }
  buffers_.emplace(next_buffer_, b);
  return next_buffer_++;
}

void device::free(unsigned number) {
  const std::lock_guard lock(mutex_);
  const auto at = buffers_.find(number);
  if (at == buffers_.end()) return;
  const buffer& b = at->second;
  if (b.own_program) ::munmap(b.program, b.bytes);
  (b.in_host ? state_->host : state_->bank)->give_back(b.address, b.bytes);
  buffers_.erase(at);
}

std::optional<device::buffer> device::find(unsigned number) const {
  const std::lock_guard lock(mutex_);
  const auto at = buffers_.find(number);
  if (at == buffers_.end()) return std::nullopt;
  return at->second;
}

void* device::map(unsigned number) {
  const auto b = find(number);
  if (!b) return nullptr;
  return b->in_host ? state_->host->map(b->address, b->bytes) : b->program;
}

int device::unmap(unsigned number, void* at) {
  const auto b = find(number);
  if (!b) return -EINVAL;
  if (b->in_host) ::munmap(at, b->bytes);
  return 0;
}

int device::sync(unsigned number, bool to_card, std::uint64_t bytes, std::uint64_t offset) {
  const auto b = find(number);
  if (!b || offset > b->bytes || bytes > b->bytes - offset) return -EINVAL;
  if (b->in_host) return 0;
  std::byte* const card = state_->bank->at(b->address + offset, bytes);
  if (b->program == nullptr || card == nullptr) return -EINVAL;
  if (to_card)
    std::memcpy(card, b->program + offset, bytes);
  else
    std::memcpy(b->program + offset, card, bytes);
  return 0;
}

std::byte* device::bank_at(std::uint64_t address, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return state_ != nullptr && state_->bank != nullptr ? state_->bank->at(address, bytes) : nullptr;
}

// A real card works by itself; this one is driven from here whenever it has something to do. Its
// time stands still meanwhile.
void device::pump() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_came_.wait(lock, [this] { return work_ && !held_; });
    work_ = false;
    pumping_ = true;
    const std::shared_ptr<state> s = state_;
    lock.unlock();
    try {
      while (!held_ && !s->card->quiet()) {
        s->card->relax();
        std::this_thread::yield();
      }
    } catch (const std::exception&) {
      // A rule of the bus was broken: the card stands still, and whoever waits for it says so.
    }
    lock.lock();
    pumping_ = false;
    pump_rests_.notify_all();
  }
}

void device::hold(bool on) {
  std::unique_lock lock(mutex_);
  held_ = on;
  work_ = true;
  if (on)
    pump_rests_.wait(lock, [this] { return !pumping_; });
  else
    work_came_.notify_one();
}

std::shared_ptr<device::state> device::current() const {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr) throw std::logic_error("the simulated card has no xclbin yet");
  return state_;
}

picoseconds device::now() { return current()->card->now(); }

void device::run(picoseconds until, const std::function<bool(std::uint64_t)>& line) {
  current()->card->run(until, line);
}

bool device::quiet() { return current()->card->quiet(); }

platform::traffic device::counted() { return current()->card->counted(); }

void device::wake_pump() {
  {
    const std::lock_guard lock(mutex_);
    work_ = true;
  }
  work_came_.notify_one();
}

int device::open_interrupt(unsigned ip) {
  const std::lock_guard lock(mutex_);
  if (context_ != ip) return -EPERM;
  if (!state_->from.ips[ip].interrupt) return -EINVAL;
  if (reporter_.joinable()) return -EBUSY;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  driver_end_ = ends[1];
  reporter_ = quiet_thread(
      "exalloc-sim-irq", [this, file = ends[1], s = state_] { report_interrupts(file, *s->card); });
  return ends[0];
}

int device::close_interrupt(int file) {
  ::close(file);
  std::thread ended;
  {
    const std::lock_guard lock(mutex_);
    ended = std::move(reporter_);
  }
  if (ended.joinable()) ended.join();
  const std::lock_guard lock(mutex_);
  if (driver_end_ >= 0) ::close(driver_end_);
  driver_end_ = -1;
  return 0;
}

void device::report_interrupts(int file, sim_card& card) {
  bool enabled = false;
  int count = 0;
  for (;;) {
    pollfd asked{file, POLLIN, 0};
    if (::poll(&asked, 1, enabled ? 0 : -1) > 0) {
      int value = 0;
      if (::recv(file, &value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) return;
      enabled = value != 0;
    }
    if (!enabled) continue;
    bool rose = false;
    try {
      rose = card.wait_interrupt(look_ns);
    } catch (const std::exception&) {
      enabled = false;  // the card stands still
    }
    if (!rose) continue;
    enabled = false;
    ++count;
    if (::send(file, &count, sizeof count, MSG_NOSIGNAL) < 0) return;
  }
}

}  // namespace exalloc::sim
