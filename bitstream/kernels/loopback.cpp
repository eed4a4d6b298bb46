// An HLS kernel that gives each token of a stream port straight back, and notes which it saw: what the link configurations put
// behind every stream port, to bring a card up with. Replace it by your own.
#include <ap_int.h>
#include <hls_stream.h>

// seen: the tokens in the order they came, in the card's memory; count: how many to take.
extern "C" void loopback(hls::stream<ap_uint<32>>& pop, hls::stream<ap_uint<32>>& push,
                         ap_uint<32>* seen, unsigned count) {
// A register at `pop` would take a block, and keep it, while nothing has started the kernel.
#pragma HLS INTERFACE axis port = pop register_mode = off
#pragma HLS INTERFACE axis port = push
#pragma HLS INTERFACE m_axi port = seen
  for (unsigned i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<32> token = pop.read();
    seen[i] = token;
    push.write(token);
  }
}
