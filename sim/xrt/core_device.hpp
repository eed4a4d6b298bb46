// What libxrt_coreutil exports to every implementation of the C interface, by name: XRT keeps these
// headers to itself.
#pragma once

#include <xclbin.h>

#include <memory>

namespace xrt_core {

class device {
 public:
  void register_axlf(const axlf* file);
};

// Makes XRT's object for a handle; finds it.
std::shared_ptr<device> get_userpf_device(void* handle, unsigned index);
std::shared_ptr<device> get_userpf_device(void* handle);

}  // namespace xrt_core
