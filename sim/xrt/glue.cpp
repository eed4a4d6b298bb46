// What XRT's own objects between libxrt_coreutil and the C interface (taken from libxrt-dev, see
// CMakeLists.txt) expect of the rest of an implementation. All of it is private to XRT 2.13, hence
// declared here by hand; CMake refuses other versions.
#include <unistd.h>
#include <xrt.h>

#include <boost/any.hpp>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

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

constexpr int interface_uuids = 156;  // the number of that query in XRT 2.13

class interface_query final : public query::request {
 public:
  using request::get;
  boost::any get(const device*) const override {
    return std::vector<std::string>{"e8a110c0000040008000000000000001"};
  }
};

}  // namespace

// XRT's Linux device looks its queries up in a table of sysfs entries. This takes that function's
// place, under its name, and asks the table of emulation queries instead.
extern "C" const query::request& from_emulation(const void* self, query::key_type key) __asm__(
    "_ZNK8xrt_core5hwemu6device12lookup_queryENS_5query8key_typeE");
extern "C" const query::request& in_place_of_linux(const void* self, query::key_type key) __asm__(
    "_ZNK8xrt_core12device_linux12lookup_queryENS_5query8key_typeE");
extern "C" const query::request& in_place_of_linux(const void* self, query::key_type key) {
  static const interface_query interface;
  if (static_cast<int>(key) == interface_uuids) return interface;
  return from_emulation(self, key);
}

}  // namespace xrt_core
