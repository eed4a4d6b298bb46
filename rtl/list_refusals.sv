// Counts the errors of each list since reset.
//
// Contract: error_i counts one for error_list_i, every cycle if need be: an error is never held up.
// count_o is the count of list idx_i two cycles ago, at most three errors behind. ready_o ends the
// sweep after reset.
// Cost: the count in two copies, so that a reader is never in the way of an error.
`default_nettype none

module list_refusals #(
    parameter int unsigned NumLists = 255,
    parameter int unsigned ValueW   = 32,
    parameter bit          UseBlock = 1'b1,
    localparam int unsigned IdxW    = NumLists > 1 ? $clog2(NumLists) : 1
) (
    input  wire               clk_i,
    input  wire               rst_i,
    output logic              ready_o,
    input  wire               error_i,
    input  wire  [       7:0] error_list_i,
    input  wire  [  IdxW-1:0] idx_i,
    output logic [ValueW-1:0] count_o,
    output logic              busy_o
);

  logic              error_q, read_q, count_q;
  logic [  IdxW-1:0] idx_q;
  logic [ValueW-1:0] count, count_next, shown;
  logic              wr_en;
  logic [  IdxW-1:0] wr_idx;
  logic [ValueW-1:0] wr_data;

  list_memory #(.Depth(1 << IdxW), .Width(ValueW), .UseBlock(UseBlock)) u_memory (
      .clk_i, .rst_i, .ready_o, .idx_i(idx_q), .cur_o(count), .we_i(count_q),
      .next_i(count_next), .wr_en_o(wr_en), .wr_idx_o(wr_idx), .wr_data_o(wr_data));

  list_add #(.Width(ValueW)) u_add (
      .a_i(count), .b_i('0), .carry_i(1'b1), .sum_o(count_next));

  slab_block_mem #(.Depth(1 << IdxW), .Width(ValueW), .UseBlock(UseBlock)) u_copy (
      .clk_i, .wr_en_i(wr_en), .wr_addr_i(wr_idx), .wr_data_i(wr_data), .rd_addr_i(idx_i),
      .rd_data_o(shown));

  assign busy_o = error_q || read_q || count_q;

  always_ff @(posedge clk_i) begin
    error_q <= error_i && 32'(error_list_i) < NumLists;
    idx_q   <= error_list_i[IdxW-1:0];
    read_q  <= error_q;
    count_q <= read_q;
    count_o <= shown;
    if (rst_i) begin
      error_q <= 1'b0;
      read_q  <= 1'b0;
      count_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
