// XRT's C interface to a card (xcl*, <xrt.h>) over the simulated card. One device; what XRT asks
// for and this card does not have is refused as a driver refuses it.
#define XCL_DRIVER_DLL_EXPORT
#include <experimental/xrt-next.h>
#include <experimental/xrt_xclbin.h>
#include <xclbin.h>
#include <xrt.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>

#include "from_environment.hpp"
#include "xrt/core_device.hpp"
#include "xrt/device.hpp"

namespace {

namespace sim = exalloc::sim;
namespace xclbin_file = exalloc::xclbin;

constexpr const char* shell = "exalloc_u50_simulated_gen3x16_1";

// The card itself: it is there before somebody opens it and after.
sim::device& card() {
  static sim::device* const one = new sim::device;  // never destroyed: threads work on it
  return *one;
}

struct opened {
  std::shared_ptr<xrt_core::device> core;  // XRT's object for this handle
  // Commands of this handle that have ended and that nobody has heard of yet.
  struct events {
    std::mutex mutex;
    std::condition_variable came;
    unsigned ended = 0;
  };
  std::shared_ptr<events> commands = std::make_shared<events>();
};

// From the XML, as XRT reads it.
sim::kernel_arguments arguments_of(const axlf* file) {
  sim::kernel_arguments out;
  for (const auto& kernel : xrt::xclbin(file).get_kernels()) {
    auto& all = out[kernel.get_name()];
    for (const auto& a : kernel.get_args()) {
      if (a.get_index() >= all.size()) all.resize(a.get_index() + 1);
      all[a.get_index()] = {a.get_name(), static_cast<std::uint32_t>(a.get_offset())};
    }
  }
  return out;
}

xclbin_file::uuid to_uuid(const unsigned char* from) {
  xclbin_file::uuid out;
  std::memcpy(out.data(), from, out.size());
  return out;
}

bool no_card() { return exalloc::text_from_environment("EXALLOC_XRT_SIM_CARDS") == "0"; }

}  // namespace

extern "C" {

unsigned xclProbe() { return no_card() ? 0 : 1; }

xclDeviceHandle xclOpen(unsigned index, const char*, xclVerbosityLevel) {
  if (no_card() || index != 0) return nullptr;
  auto handle = std::make_unique<opened>();
  handle->core = xrt_core::get_userpf_device(handle.get(), index);
  return handle.release();
}

void xclClose(xclDeviceHandle handle) {
  const std::unique_ptr<opened> ends(static_cast<opened*>(handle));
  const auto core = std::move(ends->core);  // ends after the handle, which its end may look up
}

int xclGetDeviceInfo2(xclDeviceHandle, xclDeviceInfo2* info) {
  std::memset(info, 0, sizeof *info);
  info->mMagic = 0x586C0C6C;  // what XRT looks for
  std::strcpy(info->mName, shell);
  info->mVendorId = 0x10EE;
  info->mDeviceId = 0x5020;
  info->mDDRSize = std::uint64_t{256} << 20;
  info->mDDRBankCount = 1;
  info->mDataAlignment = sim::device_page;
  info->mOCLFrequency[0] = 300;
  info->mNumClocks = 1;
  return 0;
}

int xclGetUsageInfo(xclDeviceHandle, xclDeviceUsage* usage) {
  std::memset(usage, 0, sizeof *usage);
  return 0;
}

int xclLoadXclBin(xclDeviceHandle handle, const axlf* file) {
  try {
    const auto* const bytes = reinterpret_cast<const std::byte*>(file);
    const xclbin_file::contents c = xclbin_file::read({bytes, file->m_header.m_length});
    if (c.shell != shell) return -EINVAL;
    if (const int error = card().load(c, arguments_of(file)); error != 0) return error;
    xrt_core::get_userpf_device(handle)->register_axlf(file);
  } catch (const std::exception&) {
    return -EINVAL;
  }
  return 0;
}

int xclOpenContext(xclDeviceHandle, const xuid_t id, unsigned ip, bool shared) {
  return card().open_context(to_uuid(id), ip, shared);
}

int xclCloseContext(xclDeviceHandle, const xuid_t, unsigned ip) { return card().close_context(ip); }

int xclRegRead(xclDeviceHandle, std::uint32_t ip, std::uint32_t offset, std::uint32_t* value) {
  return card().read(ip, offset, *value);
}

int xclRegWrite(xclDeviceHandle, std::uint32_t ip, std::uint32_t offset, std::uint32_t value) {
  return card().write(ip, offset, value);
}

xclBufferHandle xclAllocBO(xclDeviceHandle, size_t bytes, int, unsigned flags) {
  return card().allocate(bytes, flags, nullptr).value_or(XRT_NULL_BO);
}

xclBufferHandle xclAllocUserPtrBO(xclDeviceHandle, void* memory, size_t bytes, unsigned flags) {
  // As the driver: the card reaches host memory only in its window.
  if ((flags & XCL_BO_FLAGS_HOST_ONLY) != 0) return XRT_NULL_BO;
  return card().allocate(bytes, flags, static_cast<std::byte*>(memory)).value_or(XRT_NULL_BO);
}

void xclFreeBO(xclDeviceHandle, xclBufferHandle buffer) { card().free(buffer); }
void* xclMapBO(xclDeviceHandle, xclBufferHandle buffer, bool) { return card().map(buffer); }
int xclUnmapBO(xclDeviceHandle, xclBufferHandle buffer, void* at) {
  return card().unmap(buffer, at);
}

int xclSyncBO(xclDeviceHandle, xclBufferHandle buffer, xclBOSyncDirection direction, size_t bytes,
              size_t offset) {
  return card().sync(buffer, direction == XCL_BO_SYNC_BO_TO_DEVICE, bytes, offset);
}

int xclGetBOProperties(xclDeviceHandle, xclBufferHandle buffer, xclBOProperties* out) {
  const auto b = card().find(buffer);
  if (!b) return -EINVAL;
  out->handle = buffer;
  out->flags = b->flags;
  out->size = b->bytes;
  out->paddr = b->address;
  return 0;
}

xclInterruptNotifyHandle xclOpenIPInterruptNotify(xclDeviceHandle, std::uint32_t ip, unsigned) {
  return card().open_interrupt(ip);
}
int xclCloseIPInterruptNotify(xclDeviceHandle, int file) { return card().close_interrupt(file); }

int xclExecBuf(xclDeviceHandle handle, xclBufferHandle command) {
  try {
    return card().execute(command, [to = static_cast<opened*>(handle)->commands] {
      const std::lock_guard lock(to->mutex);
      ++to->ended;
      to->came.notify_all();
    });
  } catch (const std::exception&) {
    return -ENOMEM;  // a thread for the kernel
  }
}

int xclExecWait(xclDeviceHandle handle, int milliseconds) {
  const auto commands = static_cast<opened*>(handle)->commands;
  std::unique_lock lock(commands->mutex);
  const bool one = commands->came.wait_for(lock, std::chrono::milliseconds(milliseconds),
                                           [&] { return commands->ended != 0; });
  if (one) --commands->ended;
  return one ? 1 : 0;
}

// Past all buffers, as a kernel reaches the card's memory.
ssize_t xclUnmgdPread(xclDeviceHandle, unsigned, void* to, size_t bytes, std::uint64_t address) {
  std::byte* const from = card().bank_at(address, bytes);
  if (from == nullptr) return -EINVAL;
  std::memcpy(to, from, bytes);
  return static_cast<ssize_t>(bytes);
}
ssize_t xclUnmgdPwrite(xclDeviceHandle, unsigned, const void* from, size_t bytes,
                       std::uint64_t address) {
  std::byte* const to = card().bank_at(address, bytes);
  if (to == nullptr) return -EINVAL;
  std::memcpy(to, from, bytes);
  return static_cast<ssize_t>(bytes);
}

exalloc::sim::simulated_clock* exalloc_simulated_clock() { return &card(); }

// What this card does not have.
int xclCopyBO(xclDeviceHandle, xclBufferHandle, xclBufferHandle, size_t, size_t, size_t) {
  return -ENOSYS;
}
xclBufferExportHandle xclExportBO(xclDeviceHandle, xclBufferHandle) { return XRT_NULL_BO_EXPORT; }
xclBufferHandle xclImportBO(xclDeviceHandle, xclBufferExportHandle, unsigned) {
  return XRT_NULL_BO;
}
size_t xclRead(xclDeviceHandle, xclAddressSpace, std::uint64_t, void*, size_t) { return 0; }
size_t xclWrite(xclDeviceHandle, xclAddressSpace, std::uint64_t, const void*, size_t) { return 0; }
int xclReClock2(xclDeviceHandle, unsigned short, const unsigned short*) { return -ENOSYS; }
int xclP2pEnable(xclDeviceHandle, bool, bool) { return -ENOSYS; }

}  // extern "C"
