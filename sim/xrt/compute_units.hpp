// The kernels of an xclbin beside exalloc, on the simulated card: C++ functions with the registers,
// the memory and the stream ports that the xclbin gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "exalloc/card.hpp"
#include "xclbin.hpp"
#include "xrt/kernel_port.hpp"
#include "xrt/kernel_turns.hpp"

namespace exalloc::sim {

// An argument of a kernel as the xclbin's XML has it.
struct argument_register {
  std::string name;
  std::uint32_t offset = 0;
};
// By kernel and by number of the argument.
using kernel_arguments = std::map<std::string, std::vector<argument_register>>;

// A card as kernels see it.
struct kernel_surroundings {
  // What lies at a device address; null if nothing does.
  std::function<std::byte*(std::uint64_t)> memory;
  std::function<void(unsigned port, std::shared_ptr<stream_kernel>)> attach;
  std::function<void()> wake;  // the card has something to do, perhaps; must not wait
};

// Thread safe.
class compute_units {
 public:
  compute_units(const xclbin::contents& c, const kernel_arguments& arguments,
                kernel_surroundings around);
  ~compute_units();  // kernels that wait end there

  // Whether the IP of that index is one of them; all of IP_LAYOUT but exalloc are.
  bool has(std::size_t ip) const;
  // As the 32-bit registers of an ap_ctrl_chain kernel.
  std::uint32_t read(std::size_t ip, std::uint32_t offset);
  void write(std::size_t ip, std::uint32_t offset, std::uint32_t value);
  // Writes registers from `first` on and starts it as soon as it is idle. `ended`: told, from
  // another thread, and whether it has run to its end.
  void start(std::size_t ip, std::uint32_t first, std::vector<std::uint32_t> registers,
             std::function<void(bool good)> ended);
  // Starts that have not ended.
  std::size_t queued(std::size_t ip);

 private:
  class unit;
  struct port {
    std::shared_ptr<kernel_port> kernels;
    bool attached = false;
  };
  void attach(unsigned port);

  kernel_surroundings around_;
  kernel_turns turns_;
  std::mutex attaching_;
  std::map<unsigned, port> ports_;
  std::map<std::size_t, std::unique_ptr<unit>> units_;
};

}  // namespace exalloc::sim
