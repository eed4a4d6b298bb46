// Takes a valid/ready connection over a long distance: from one die of the chip to another.
//
// Contract: a transfer happens on a side where its valid and ready are both high; order is kept.
// Between the two sides there are Stages flip-flops with nothing in between, on both ways; so with
// Stages = 2 one lies on either side of a crossing. A queue on the receiving side takes what is
// under way when the receiver stops. in_ready_o, out_valid_o and out_data_o come from flip-flops.
// One transfer a cycle, also after a stop; latency Stages + 2 cycles. Up to Stages + Depth + 2
// words are inside, Depth being 4 x Stages + 2 rounded up to a power of two. Stages = 0: wires.
// Cost: Width x (Stages + 2) flip-flops and Depth x Width bits of distributed memory.
`default_nettype none

module register_slice #(
    parameter int unsigned Width  = 8,
    parameter int unsigned Stages = 2
) (
    input  wire              clk_i,
    input  wire              rst_i,
    input  wire              in_valid_i,
    output logic             in_ready_o,
    input  wire  [Width-1:0] in_data_i,
    output logic             out_valid_o,
    input  wire              out_ready_i,
    output logic [Width-1:0] out_data_o
);

  if (Width < 1 || Stages > 8) begin : g_bad
    $error("register_slice: Width must be at least 1, Stages at most 8");
  end

  if (Stages == 0) begin : g_wires
    assign in_ready_o  = out_ready_i;
    assign out_valid_o = in_valid_i;
    assign out_data_o  = in_data_i;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_i};
  end else begin : g_stages
    localparam int unsigned Depth  = 1 << $clog2(4 * Stages + 2);
    localparam int unsigned CountW = $clog2(Depth) + 1;

    // Bit 0 of each is the first flip-flop on its way.
    (* shreg_extract = "no" *) logic [      Stages-1:0] ready_q;
    (* shreg_extract = "no" *) logic [      Stages-1:0] valid_q;
    (* shreg_extract = "no" *) logic [Stages*Width-1:0] data_q;
    logic              unused_ready, queue_valid, queue_ready;
    logic [ Width-1:0] queue_data;
    logic [CountW-1:0] count;

    assign in_ready_o = ready_q[Stages-1];

    always_ff @(posedge clk_i) begin
      // Every ready under way may still bring a word, and so do the valids under way.
      ready_q <= Stages'({ready_q, count < CountW'(Depth - 2 * Stages)});
      valid_q <= Stages'({valid_q, in_valid_i && in_ready_o});
      data_q  <= (Stages * Width)'({data_q, in_data_i});
      if (rst_i) begin
        ready_q <= '0;
        valid_q <= '0;
      end
    end

    sync_fifo #(.Width(Width), .Depth(Depth)) u_queue (
        .clk_i, .rst_i, .in_valid_i(valid_q[Stages-1]), .in_ready_o(unused_ready),
        .in_data_i(data_q[(Stages-1)*Width+:Width]), .out_valid_o(queue_valid),
        .out_ready_i(queue_ready), .out_data_o(queue_data), .count_o(count));

    skid_buffer #(.Width(Width)) u_out (
        .clk_i, .rst_i, .in_valid_i(queue_valid), .in_ready_o(queue_ready), .in_data_i(queue_data),
        .out_valid_o, .out_ready_i, .out_data_o);
  end

endmodule

`default_nettype wire
