// An HLS kernel that shares a zone with the CPU's threads: requests are blocks that threads have
// allocated and written; for each it allocates a block for the answer, and frees the request.
#include <ap_int.h>
#include <hls_stream.h>

#include "exalloc/kernel.hpp"

// memory: the zone's first block, as the kernel reaches it; then what exalloc_segment says of the
// zone's segment. requests, answers: `count` tokens.
extern "C" void answer(hls::stream<ap_uint<32>>& pop, hls::stream<ap_uint<32>>& push,
                       ap_uint<64>* memory, unsigned first_token, unsigned blocks,
                       unsigned block_size, const ap_uint<32>* requests, ap_uint<32>* answers,
                       unsigned count) {
// A register at `pop` would take a block, and keep it, before the kernel asks for one.
#pragma HLS INTERFACE axis port = pop register_mode = off
#pragma HLS INTERFACE axis port = push
#pragma HLS INTERFACE m_axi port = memory bundle = zone
#pragma HLS INTERFACE m_axi port = requests bundle = lists
#pragma HLS INTERFACE m_axi port = answers bundle = lists
  const exalloc::kernel::segment zone{0, first_token, blocks, block_size, 0};
  for (unsigned i = 0; i < count; ++i) {
    const exalloc::kernel::token request = requests[i], reply = pop.read();
    const ap_uint<64> asked = memory[exalloc::kernel::address_in(zone, request) / 8];
    const auto to = exalloc::kernel::address_in(zone, reply) / 8;
    memory[to] = asked;
    memory[to + 1] = asked * asked;
    answers[i] = reply;
  }
  // A loop of its own: nothing keeps HLS from pushing before the read above is over.
  for (unsigned i = 0; i < count; ++i) push.write(requests[i]);
}
