// Threads and a kernel on the card share a zone: threads allocate requests and free answers, the
// kernel frees requests and allocates answers. The same program on a card and on the simulated one.
#include <exalloc/exalloc.h>
#include <exalloc/stream.h>
#include <exalloc/wdm.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// Of free blocks processors and stream ports keep some ready; a kernel that needs one waits until
// there is one beside those.
constexpr ULONG block_size = 64, blocks = 4000, tag = 0x72776E41;
constexpr ULONG segment_size = sizeof(ZONE_SEGMENT_HEADER) + blocks * block_size;
constexpr unsigned threads = 4, each = 25, count = threads * each, rounds = 5;
constexpr std::size_t list_bytes = 4096;  // XRT takes whole pages
static_assert(count * sizeof(std::uint32_t) <= list_bytes);

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + exalloc_last_error());
}

template <class Body>
void on_all_threads(Body&& body) {
  std::vector<std::thread> all;
  for (unsigned t = 0; t < threads; ++t) all.emplace_back(body, t);
  for (std::thread& t : all) t.join();
}

int run() {
  // Nonpaged pool is the memory of the host that the card reaches.
  void* const segment = ExAllocatePoolWithTag(NonPagedPool, segment_size, tag);
  need(segment != nullptr, "nonpaged pool");
  ZONE_HEADER zone{};
  KSPIN_LOCK lock = 0;
  need(ExInitializeZone(&zone, block_size, segment, segment_size) == STATUS_SUCCESS, "zone");
  exalloc_zone_lockfree(&zone, 1);
  need(exalloc_stream_attach(0, &zone, EXALLOC_STREAM_POP | EXALLOC_STREAM_PUSH) == 0, "port 0");
  exalloc_segment where{};
  exalloc_zone_segments(&zone, &where, 1);

  // exalloc has loaded this xclbin; XRT gives it to whoever asks for the same one.
  const char* const index = std::getenv("EXALLOC_XRT_DEVICE");
  xrt::device device(index != nullptr ? std::string(index) : "0");
  const xrt::uuid id = device.load_xclbin(std::string(std::getenv("EXALLOC_XRT_XCLBIN")));
  xrt::kernel kernel(device, id, "answer:{answer_1}");
  xrt::bo requests(device, list_bytes, kernel.group_id(6));
  xrt::bo answers(device, list_bytes, kernel.group_id(7));
  const auto asked = requests.map<std::uint32_t*>();
  const auto told = answers.map<std::uint32_t*>();

  std::array<unsigned, threads> wrong{};
  for (unsigned round = 0; round < rounds; ++round) {
    on_all_threads([&](unsigned t) {
      for (unsigned i = t * each; i < (t + 1) * each; ++i) {
        auto* const block =
            static_cast<std::uint64_t*>(ExInterlockedAllocateFromZone(&zone, &lock));
        need(block != nullptr, "request");
        *block = 1000 * round + i;
        asked[i] = exalloc_token(&zone, block);
      }
    });
    requests.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    xrt::run answer(kernel);
    answer.set_arg(2, where.device_address);
    answer.set_arg(3, where.first_token);
    answer.set_arg(4, where.blocks);
    answer.set_arg(5, where.block_size);
    answer.set_arg(6, requests);
    answer.set_arg(7, answers);
    answer.set_arg(8, count);
    answer.start();
    if (answer.wait() != ERT_CMD_STATE_COMPLETED) throw std::runtime_error("the kernel has failed");
    answers.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
    on_all_threads([&](unsigned t) {
      for (unsigned i = t * each; i < (t + 1) * each; ++i) {
        auto* const block = static_cast<std::uint64_t*>(exalloc_block(&zone, told[i]));
        const std::uint64_t n = 1000 * round + i;
        if (block == nullptr || block[0] != n || block[1] != n * n) {
          ++wrong[t];
          continue;
        }
        ExInterlockedFreeToZone(&zone, block, &lock);
      }
    });
  }
  need(exalloc_stream_detach(0) == 0, "port 0");

  unsigned left = 0, bad = 0;
  while (ExInterlockedAllocateFromZone(&zone, &lock) != nullptr) ++left;
  for (const unsigned w : wrong) bad += w;
  std::printf("%u requests answered, %u wrongly; %u of %u blocks free at the end\n", rounds * count,
              bad, left, blocks);
  exalloc_zone_delete(&zone);
  ExFreePoolWithTag(segment, tag);
  return bad == 0 && left == blocks ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
