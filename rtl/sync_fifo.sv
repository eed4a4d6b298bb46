// First-in first-out queue in distributed memory.
//
// Contract: Depth is a power of two. A transfer happens on a side where its valid and ready are
// both high; out_data_o is the oldest entry whenever out_valid_o is high. in_ready_o and
// out_valid_o come straight from flip-flops; an entry can be taken the cycle after it was put in.
// Cost: Depth x Width bits of distributed memory, one memory read deep at the output.
`default_nettype none

module sync_fifo #(
    parameter int unsigned Width  = 8,
    parameter int unsigned Depth  = 16,
    parameter int unsigned CountW = $clog2(Depth) + 1
) (
    input  wire               clk_i,
    input  wire               rst_i,
    input  wire               in_valid_i,
    output logic              in_ready_o,
    input  wire  [ Width-1:0] in_data_i,
    output logic              out_valid_o,
    input  wire               out_ready_i,
    output logic [ Width-1:0] out_data_o,
    output logic [CountW-1:0] count_o
);

  localparam int unsigned PtrW = $clog2(Depth);
  if (Depth < 2 || Depth != (1 << PtrW)) begin : g_bad_depth
    $error("sync_fifo: Depth must be a power of two, at least 2");
  end

  (* ram_style = "distributed" *) logic [Width-1:0] mem[Depth];
  logic [  PtrW-1:0] write_ptr_q;
  logic [  PtrW-1:0] read_ptr_q;
  logic [CountW-1:0] count_q;
  logic              full_q;
  logic              some_q;
  logic              put;
  logic              get;

  assign in_ready_o  = !full_q;
  assign out_valid_o = some_q;
  assign out_data_o  = mem[read_ptr_q];
  assign count_o     = count_q;
  assign put         = in_valid_i && !full_q;
  assign get         = some_q && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (put) mem[write_ptr_q] <= in_data_i;
    if (rst_i) begin
      write_ptr_q <= '0;
      read_ptr_q  <= '0;
      count_q     <= '0;
      full_q      <= 1'b0;
      some_q      <= 1'b0;
    end else begin
      if (put) write_ptr_q <= write_ptr_q + 1'b1;
      if (get) read_ptr_q <= read_ptr_q + 1'b1;
      count_q <= count_q + CountW'(put) - CountW'(get);
      // From the count before, so that no addition lies on their way.
      full_q  <= (count_q == CountW'(Depth) && put == get) ||
                 (count_q == CountW'(Depth - 1) && put && !get);
      some_q  <= !((count_q == '0 && put == get) || (count_q == CountW'(1) && get && !put));
    end
  end

endmodule

`default_nettype wire
