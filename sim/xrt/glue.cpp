// What XRT's own objects between libxrt_coreutil and the C interface (taken from libxrt-dev, see
// CMakeLists.txt) expect of the rest of an implementation. All of it is private to XRT 2.13, hence
// declared here by hand; CMake refuses other versions.
#include <unistd.h>
#include <xrt.h>

#include <boost/any.hpp>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sim_card.hpp"

int xclCmaEnable(xclDeviceHandle, bool, std::uint64_t) { return 0; }
int xclCloseExportHandle(xclBufferExportHandle) { return 0; }
int xclInternalResetDevice(xclDeviceHandle, xclResetKind) { return 0; }
int xclUpdateSchedulerStat(xclDeviceHandle) { return 0; }

namespace xrt_core::query {
enum class key_type;
}

// XRT's table of emulation queries asks its own emulator two things: whether buffers are copied by
// a kernel, and whether there is no DMA engine. Neither.
namespace xclhwemhal2 {
class HwEmShim {
 public:
  static HwEmShim* handleCheck(void* handle);
  std::uint32_t deviceQuery(xrt_core::query::key_type key);
};
HwEmShim* HwEmShim::handleCheck(void* handle) { return static_cast<HwEmShim*>(handle); }
std::uint32_t HwEmShim::deviceQuery(xrt_core::query::key_type) { return 0; }
}  // namespace xclhwemhal2

// PCI functions of real cards, from sysfs: there are none.
namespace pcidev {
class pci_device {
 public:
  void close(int file);
  int ioctl(int file, unsigned long request, void* argument);
};
void pci_device::close(int file) { ::close(file); }
int pci_device::ioctl(int, unsigned long, void*) {
  errno = ENOSYS;
  return -1;
}
size_t get_dev_total(bool user) { return user ? 1 : 0; }
size_t get_dev_ready(bool user) { return user ? 1 : 0; }
std::shared_ptr<pci_device> get_dev(unsigned, bool) {
  throw std::runtime_error("the simulated card is not in sysfs");
}
int shutdown(std::shared_ptr<pci_device>, bool, bool) { return -ENOSYS; }
}  // namespace pcidev

namespace xrt_core {

class device;

// The virtual functions of XRT 2.13's query::request, in their order.
namespace query {
enum class modifier : int;
class request {
 public:
  virtual ~request() = default;
  virtual boost::any get(const device*) const { refuse(); }
  virtual boost::any get(const device*, const boost::any&) const { refuse(); }
  virtual boost::any get(const device*, const boost::any&, const boost::any&) const { refuse(); }
  virtual boost::any get(const device*, modifier, const std::string&) const { refuse(); }
  virtual boost::any get(const device*, const boost::any&, const boost::any&,
                         const boost::any&) const {
    refuse();
  }
  virtual void put(const device*, const boost::any&) const { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw std::runtime_error("no such query"); }
};
}  // namespace query

namespace {

// The numbers of queries in XRT 2.13.
namespace number {
constexpr int pcie_vendor = 0, pcie_device = 1, pcie_subsystem_vendor = 2, pcie_subsystem = 3,
              link_generation = 4, most_link_generation = 5, link_lanes = 6, most_link_lanes = 7,
              dma_threads = 11, power_level = 40, power_warning = 41, most_host_memory = 70,
              temperature_front = 73, temperature_fpga = 76, temperature_hbm = 84, microwatts = 136,
              interface_uuids = 156, processors = 159, host_memory_size = 160,
              host_memory_enabled = 161;
}  // namespace number

template <class Value>
class constant final : public query::request {
 public:
  explicit constant(Value value) : value_(std::move(value)) {}
  using request::get;
  boost::any get(const device*) const override { return value_; }

 private:
  Value value_;
};

using answers = std::map<int, std::unique_ptr<query::request>>;

// What XRT's table of emulation queries has not, as a U50's driver tells it. There is nothing to
// measure in a simulation: temperatures and power are always these.
answers make_answers() {
  answers out;
  const auto tell = [&out]<class Value>(int what, Value value) {
    out.emplace(what, std::make_unique<constant<Value>>(std::move(value)));
  };
  using words = std::vector<std::string>;
  tell(number::interface_uuids, words{"e8a110c0000040008000000000000001"});
  tell(number::pcie_vendor, std::uint16_t{0x10EE});
  tell(number::pcie_device, std::uint16_t{0x5021});
  tell(number::pcie_subsystem_vendor, std::uint16_t{0x10EE});
  tell(number::pcie_subsystem, std::uint16_t{0x000E});
  tell(number::dma_threads, words{"0 0"});
  tell(number::processors, std::string("0"));
  constexpr std::uint64_t host_memory = std::uint64_t{16} << 30;
  for (const int what :
       {number::most_host_memory, number::host_memory_size, number::host_memory_enabled})
    tell(what, host_memory);
  tell(number::temperature_front, std::uint64_t{31});
  tell(number::temperature_fpga, std::uint64_t{42});
  tell(number::temperature_hbm, std::uint64_t{40});
  tell(number::power_level, std::uint64_t{0});  // 75 W
  tell(number::power_warning, false);
  tell(number::microwatts, std::uint64_t{17'500'000});
  // A link that takes no time has neither.
  const exalloc::sim::link_settings link = exalloc::sim::asked_link();
  if (link.has_rate()) {
    for (const int what : {number::link_generation, number::most_link_generation})
      tell(what, std::uint64_t{link.generation});
    for (const int what : {number::link_lanes, number::most_link_lanes})
      tell(what, std::uint64_t{link.lanes});
  }
  return out;
}

}  // namespace

// XRT's Linux device looks its queries up in a table of sysfs entries. This takes that function's
// place, under its name, and asks the table of emulation queries instead.
extern "C" const query::request& from_emulation(const void* self, query::key_type key) __asm__(
    "_ZNK8xrt_core5hwemu6device12lookup_queryENS_5query8key_typeE");
extern "C" const query::request& in_place_of_linux(const void* self, query::key_type key) __asm__(
    "_ZNK8xrt_core12device_linux12lookup_queryENS_5query8key_typeE");
extern "C" const query::request& in_place_of_linux(const void* self, query::key_type key) {
  static const answers ours = make_answers();
  const auto found = ours.find(static_cast<int>(key));
  return found != ours.end() ? *found->second : from_emulation(self, key);
}

}  // namespace xrt_core
