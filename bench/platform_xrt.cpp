#include "platform_xrt.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "exalloc/regs.hpp"
#include "from_environment.hpp"
#include "xrt/simulated_clock.hpp"

namespace exalloc::bench {
namespace {

namespace off = regs::offset;

// XRT has loaded the library by its full name already; a real card's has no such function.
sim::simulated_clock& clock_below_xrt() {
  const auto told = nlohmann::json::parse(xrt_devices());
  if (told.contains("problem"))
    throw std::runtime_error("exalloc: " + told["problem"].get<std::string>());
  const std::string library =
      fmt::format("{}/lib/libxrt_core.so.2", text_from_environment("XILINX_XRT"));
  void* const found = ::dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD);
  const auto get =
      found == nullptr
          ? nullptr
          : reinterpret_cast<sim::get_simulated_clock>(::dlsym(found, sim::simulated_clock_name));
  if (get == nullptr)
    throw std::runtime_error(fmt::format(
        "exalloc: bench platform: the card below {} is no simulated one, and has no clock to stop; "
        "`exalloc bench card --card xrt` measures a real card, in wall time",
        library));
  return *get();
}

class xrt_card final : public measured_card {
 public:
  // From its first register access on, so that all runs see the same times.
  explicit xrt_card(sim::simulated_clock& clock) : clock_(clock) {
    clock_.hold(true);
    device_ = open_card("xrt");
  }

  std::string_view name() const noexcept override { return "xrt"; }
  std::uint32_t read(std::uint32_t offset) override { return device_->read(offset); }
  void write(std::uint32_t offset, std::uint32_t value) override { device_->write(offset, value); }
  picoseconds now() override { return clock_.now(); }
  void run(picoseconds until, const line_told& line) override { clock_.run(until, line); }
  bool quiet() override { return clock_.quiet(); }
  sim::platform::traffic counted() override { return clock_.counted(); }
  std::uint64_t naive_pairs(unsigned processors, picoseconds end) override;

 private:
  std::unique_ptr<dma_memory> allocate_piece(std::size_t bytes) override {
    return device_->allocate(bytes);
  }
  sim::simulated_clock& clock_;
  std::unique_ptr<card> device_;
};

// XRT takes a lock for each register access: one processor's read after the other's.
std::uint64_t xrt_card::naive_pairs(unsigned processors, picoseconds end) {
  std::vector<picoseconds> next(processors, now());
  std::uint64_t pairs = 0;
  for (;;) {
    picoseconds& mine = *std::min_element(next.begin(), next.end());
    if (mine > now()) run(mine, [](std::uint64_t) { return false; });
    read(off::id);
    if (now() >= end) return pairs;
    write(off::governor_period, 0);
    mine = now() + naive_pause();
    ++pairs;
  }
}

}  // namespace

std::unique_ptr<measured_card> open_measured_xrt(const sim::link_settings& link) {
  ::setenv("EXALLOC_LINK", std::string(link.name).c_str(), 1);
  ::setenv("EXALLOC_LINK_SEED", std::to_string(link.seed).c_str(), 1);
  return std::make_unique<xrt_card>(clock_below_xrt());
}

}  // namespace exalloc::bench
