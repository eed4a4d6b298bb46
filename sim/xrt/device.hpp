// The simulated card as XRT's driver shows it: what the xcl* calls of hal.cpp do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sim_card.hpp"
#include "xclbin.hpp"
#include "xrt/compute_units.hpp"
#include "xrt/device_memory.hpp"
#include "xrt/simulated_clock.hpp"

namespace exalloc::sim {

// Calls return 0 or a negative errno, as the driver does. Thread safe. What an xclbin has made of
// the card stays until another one is loaded, whoever opens and closes it meanwhile.
class device final : public simulated_clock {
 public:
  device() = default;

  // Makes the card what the xclbin says: its memory, and its register layout. The same one again
  // changes nothing.
  int load(const xclbin::contents& c, const kernel_arguments& arguments);
  std::optional<xclbin::contents> loaded() const;

  // `ip`: as XRT counts those with registers; virtual_ip stands for none of them. The card belongs
  // to one process while it has any, if EXALLOC_XRT_SIM_OWNER names a file.
  static constexpr unsigned virtual_ip = ~0U;
  int open_context(const xclbin::uuid& id, unsigned ip, bool shared);
  int close_context(unsigned ip);

  int read(unsigned ip, std::uint32_t offset, std::uint32_t& value);
  int write(unsigned ip, std::uint32_t offset, std::uint32_t value);
  // Does the command in that buffer, an ert_packet, on the first of its kernels that has nothing to
  // do. `ended`: told from another thread when its state has changed.
  int execute(unsigned buffer, std::function<void()> ended);

  struct buffer {
    std::uint64_t address = 0, bytes = 0;
    unsigned flags = 0;
    bool in_host = false;             // in the window, which the card reaches itself
    bool command = false;             // the driver's, which the card does not reach
    device_memory* memory = nullptr;  // where it lies; none for a command
    std::byte* program = nullptr;     // the program's side of one on the card
    bool own_program = false;         // to be unmapped
  };
  // `program`: the program's memory, or null.
  std::optional<unsigned> allocate(std::uint64_t bytes, unsigned flags, std::byte* program);
  void free(unsigned number);
  std::optional<buffer> find(unsigned number) const;
  void* map(unsigned number);
  int unmap(unsigned number, void* at);
  // Copies between a buffer's two sides; nothing for one in the host.
  int sync(unsigned number, bool to_card, std::uint64_t bytes, std::uint64_t offset);
  // The card's own memory; null beyond its end.
  std::byte* bank_at(std::uint64_t address, std::uint64_t bytes);

  // A file that reports interrupts: a write of 1 or 0 enables or disables them, one that occurs
  // disables them and can be read. Negative errno.
  int open_interrupt(unsigned ip);
  int close_interrupt(int file);

  void hold(bool on) override;
  picoseconds now() override;
  void run(picoseconds until, const std::function<bool(std::uint64_t)>& line) override;
  bool quiet() override;
  platform::traffic counted() override;

 private:
  struct state {
    state(const xclbin::contents& c, const kernel_arguments& arguments, device& of);
    xclbin::contents from;
    device_memory* memory_of(std::uint64_t address, std::uint64_t bytes);
    std::unique_ptr<device_memory> host;
    std::map<unsigned, std::unique_ptr<device_memory>> banks;  // by number in MEM_TOPOLOGY
    std::vector<std::size_t> numbers;                          // of IPs, as XRT counts them
    std::unique_ptr<sim_card> card;
    std::unique_ptr<compute_units> units;
    std::uint32_t layout_hash;
  };

  std::shared_ptr<state> current() const;
  bool vanished();
  void pump();
  void wake_pump();
  static void report_interrupts(int file, sim_card& card);
  int lock_owner();
  void unlock_owner();

  mutable std::mutex mutex_;  // all but the card itself, which has a lock of its own
  std::shared_ptr<state> state_;
  struct context {
    unsigned users = 0;
    bool shared = false;
  };
  std::map<unsigned, context> contexts_;  // by IP, as XRT counts them
  int owner_file_ = -1;
  unsigned next_buffer_ = 1;
  std::map<unsigned, buffer> buffers_;
  std::uint64_t accesses_ = 0;

  bool work_ = false, pumping_ = false;
  std::atomic<bool> held_{false};
  std::condition_variable work_came_, pump_rests_;
  std::thread pump_;
  std::thread reporter_;
  int driver_end_ = -1;
};

}  // namespace exalloc::sim
