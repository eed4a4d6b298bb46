#include "xrt/device.hpp"

#include <ert.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xrt_mem.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "exalloc/regs.hpp"
#include "from_environment.hpp"
#include "xrt/quiet_thread.hpp"

namespace exalloc::sim {
namespace {

constexpr std::uint32_t register_bytes = 0x10000;
constexpr const char* layout_key = "exalloc.layout_hash";
// So long the reporter waits for an interrupt before it looks whether it is still wanted.
constexpr std::uint64_t look_ns = 20'000'000;

bool is_host(const xclbin::memory_bank& m) { return m.name.starts_with("HOST"); }

// IPs as XRT 2.13 counts those with registers: by their interrupts where they have some.
std::vector<std::size_t> xrt_order(const xclbin::contents& c) {
  std::vector<std::size_t> out;
  bool interrupts = false;
  for (std::size_t i = 0; i < c.ips.size(); ++i) {
    if (c.ips[i].control == "none") continue;
    out.push_back(i);
    interrupts = interrupts || c.ips[i].interrupt_id != 0;
  }
  std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
    return interrupts ? c.ips[a].interrupt_id < c.ips[b].interrupt_id
                      : c.ips[a].base < c.ips[b].base;
  });
  return out;
}

}  // namespace

device::state::state(const xclbin::contents& c, const kernel_arguments& arguments, device& of)
    : from(c), numbers(xrt_order(c)), layout_hash(regs::layout_hash) {
  for (unsigned i = 0; i < c.memories.size(); ++i) {
    const xclbin::memory_bank& m = c.memories[i];
    if (!m.used || m.is_stream()) continue;
    auto made = std::make_unique<device_memory>(m.base, m.size_kb << 10);
    if (!is_host(m))
      banks[i] = std::move(made);
    else if (host == nullptr)
      host = std::move(made);
  }
  if (host == nullptr) throw std::system_error(EINVAL, std::generic_category());
  card = std::make_unique<sim_card>(asked_link(), *host);
  if (const auto at = c.key_values.find(layout_key); at != c.key_values.end())
    layout_hash = static_cast<std::uint32_t>(std::strtoul(at->second.c_str(), nullptr, 0));
  units = std::make_unique<compute_units>(
      c, arguments,
      kernel_surroundings{[this](std::uint64_t address) -> std::byte* {
                            device_memory* const m = memory_of(address, 1);
                            return m != nullptr ? m->at(address, 1) : nullptr;
                          },
                          [this](unsigned port, std::shared_ptr<stream_kernel> kernel) {
                            card->attach(port, std::move(kernel));
                          },
                          [&of] { of.wake_pump(); }});
}

device_memory* device::state::memory_of(std::uint64_t address, std::uint64_t bytes) {
  if (host->at(address, bytes) != nullptr) return host.get();
  for (const auto& [number, bank] : banks)
    if (bank->at(address, bytes) != nullptr) return bank.get();
  return nullptr;
}

int device::load(const xclbin::contents& c, const kernel_arguments& arguments) {
  std::shared_ptr<state> before;  // ends without the lock: it may wake the pump
  const std::lock_guard lock(mutex_);
  if (state_ != nullptr && state_->from.id == c.id) return 0;
  if (!contexts_.empty() || !buffers_.empty()) return -EBUSY;
  try {
    before = std::exchange(state_, std::make_shared<state>(c, arguments, *this));
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

int device::open_context(const xclbin::uuid& id, unsigned ip, bool shared) {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr || state_->from.id != id) return -EINVAL;
  if (ip >= state_->numbers.size() && ip != virtual_ip) return -EINVAL;
  const auto open = contexts_.find(ip);
  if (open != contexts_.end() && !(shared && open->second.shared)) return -EBUSY;
  if (contexts_.empty()) {
    if (const int error = lock_owner(); error != 0) return error;
  }
  context& c = contexts_[ip];
  ++c.users;
  c.shared = shared;
  return 0;
}

int device::close_context(unsigned ip) {
  const std::lock_guard lock(mutex_);
  const auto open = contexts_.find(ip);
  if (open == contexts_.end()) return -EINVAL;
  if (--open->second.users == 0) contexts_.erase(open);
  if (contexts_.empty()) unlock_owner();
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
    if (!contexts_.contains(ip) || ip == virtual_ip) return -EPERM;
    value = 0xFFFF'FFFF;
    if (vanished()) return 0;
    s = state_;
  }
  if (const std::size_t number = s->numbers[ip]; s->units->has(number)) {
    value = s->units->read(number, offset);
    return 0;
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
    if (!contexts_.contains(ip) || ip == virtual_ip) return -EPERM;
    if (vanished()) return 0;
    s = state_;
  }
  if (const std::size_t number = s->numbers[ip]; s->units->has(number)) {
    s->units->write(number, offset, value);
    return 0;
  }
  s->card->write(offset, value);
  wake_pump();
  return 0;
}

// As the driver's scheduler. The packet is shared memory: its state is all that changes there.
int device::execute(unsigned number, std::function<void()> ended) {
  constexpr std::uint32_t first_argument = 0x10, words_before = first_argument / 4;
  std::shared_ptr<state> s;
  ert_start_kernel_cmd* packet = nullptr;
  std::optional<std::size_t> chosen;
  std::vector<std::uint32_t> values;
  {
    const std::lock_guard lock(mutex_);
    const auto at = buffers_.find(number);
    if (at == buffers_.end() || !at->second.command) return -EINVAL;
    packet = reinterpret_cast<ert_start_kernel_cmd*>(at->second.program);
    const std::uint32_t masks = 1 + packet->extra_cu_masks, words = packet->count;
    if (packet->opcode != ERT_START_CU || words < masks + words_before ||
        (words + 1) * sizeof(std::uint32_t) > at->second.bytes)
      return -EINVAL;
    s = state_;
    const std::uint32_t* const payload = &packet->cu_mask;
    std::size_t least = 0;
    for (unsigned ip = 0; ip < masks * 32 && ip < s->numbers.size(); ++ip) {
      if ((payload[ip / 32] >> ip % 32 & 1U) == 0 || !contexts_.contains(ip)) continue;
      if (!s->units->has(s->numbers[ip])) continue;
      const std::size_t queued = s->units->queued(s->numbers[ip]);
      if (chosen && queued >= least) continue;
      chosen = s->numbers[ip];
      least = queued;
    }
    values.assign(payload + masks + words_before, payload + words);
  }
  if (!chosen) return -EINVAL;
  s->units->start(
      *chosen, first_argument, std::move(values), [packet, ended = std::move(ended)](bool good) {
        const std::atomic_ref header(packet->header);
        const std::uint32_t state = good ? ERT_CMD_STATE_COMPLETED : ERT_CMD_STATE_ERROR;
        header.store((header.load() & ~0xFU) | state);
        ended();
      });
  return 0;
}

std::optional<unsigned> device::allocate(std::uint64_t bytes, unsigned flags, std::byte* program) {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr || bytes == 0) return std::nullopt;
  buffer b;
  b.bytes = bytes;
  b.flags = flags;
  b.in_host = (flags & XRT_BO_FLAGS_HOST_ONLY) != 0;
  b.command = (flags & XCL_BO_FLAGS_EXECBUF) != 0;
  if (!b.command) {
    const auto bank = state_->banks.find(flags & XRT_BO_FLAGS_MEMIDX_MASK);
    b.memory = b.in_host                     ? state_->host.get()
               : bank != state_->banks.end() ? bank->second.get()
                                             : nullptr;
    if (b.memory == nullptr) return std::nullopt;
    const auto address = b.memory->take(bytes);
    if (!address) return std::nullopt;
    b.address = *address;
  }
  b.program = program;
  if (program == nullptr && !b.in_host && (flags & XRT_BO_FLAGS_DEV_ONLY) == 0) {
    void* const own =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) {
      if (b.memory != nullptr) b.memory->give_back(b.address, bytes);
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
  if (b.memory != nullptr) b.memory->give_back(b.address, b.bytes);
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
  if (b->in_host || b->command) return 0;
  std::byte* const card = b->memory->at(b->address + offset, bytes);
  if (b->program == nullptr || card == nullptr) return -EINVAL;
  if (to_card)
    std::memcpy(card, b->program + offset, bytes);
  else
    std::memcpy(b->program + offset, card, bytes);
  return 0;
}

std::byte* device::bank_at(std::uint64_t address, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (state_ == nullptr) return nullptr;
  device_memory* const m = state_->memory_of(address, bytes);
  return m != nullptr && m != state_->host.get() ? m->at(address, bytes) : nullptr;
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
  if (!contexts_.contains(ip) || ip == virtual_ip) return -EPERM;
  if (!state_->from.ips[state_->numbers[ip]].interrupt || state_->units->has(state_->numbers[ip]))
    return -EINVAL;
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
