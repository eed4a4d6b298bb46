// An HLS kernel that shares a zone with the host, as a pattern to copy: it takes a free block for
// each word that comes in, writes the word there, and hands the block on; blocks that come back it
// gives free. Connect pop to the card's m_axis_pop and push to its s_axis_push (docs/streams.md).
#include <ap_int.h>
#include <hls_stream.h>

#include "exalloc/kernel.hpp"

// memory: the zone's memory as the kernel's AXI master reaches it, from the segment's device
// address on. blocks: of the segment; a token outside it is given back and counted in *outside.
extern "C" void forward(hls::stream<ap_uint<32>>& pop, hls::stream<ap_uint<32>>& push,
                        hls::stream<ap_uint<64>>& words_in, hls::stream<ap_uint<32>>& blocks_out,
                        hls::stream<ap_uint<32>>& blocks_back, ap_uint<64>* memory,
                        exalloc::kernel::segment zone, unsigned words, unsigned* outside) {
#pragma HLS INTERFACE axis port = pop register_mode = off  // it takes no block before it needs one
#pragma HLS INTERFACE axis port = push
#pragma HLS INTERFACE axis port = words_in
#pragma HLS INTERFACE axis port = blocks_out
#pragma HLS INTERFACE axis port = blocks_back
#pragma HLS INTERFACE m_axi port = memory
  unsigned strange = 0;
  for (unsigned sent = 0, returned = 0; returned < words;) {
#pragma HLS PIPELINE II = 1
    if (sent < words && !words_in.empty() && !pop.empty()) {
      const exalloc::kernel::token block = pop.read();  // allocated: nobody else has it now
      if (exalloc::kernel::holds(zone, block)) {
        const auto offset = exalloc::kernel::address_in(zone, block) - zone.device_address;
        memory[offset / sizeof(std::uint64_t)] = words_in.read();
        blocks_out.write(block);
        ++sent;
      } else {
        push.write(block);
        ++strange;
      }
    } else if (!blocks_back.empty()) {
      push.write(blocks_back.read());  // free: the card may hand it to anyone
      ++returned;
    }
  }
  *outside = strange;
}
