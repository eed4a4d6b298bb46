// Adds two numbers and a carry in one cycle.
//
// Contract: sum_o = a_i + b_i + carry_i modulo 2^Width, combinational. A number is subtracted as
// its complement with carry_i = 1.
// Cost: three carry chains of Width / 2 side by side (the upper half for either carry) and a row of
// multiplexers: 2 LUT levels and one chain.
`default_nettype none

module list_add #(
    parameter int unsigned Width = 32
) (
    input  wire  [Width-1:0] a_i,
    input  wire  [Width-1:0] b_i,
    input  wire              carry_i,
    output logic [Width-1:0] sum_o
);

  localparam int unsigned Half = Width / 2;
  if (Width < 2 || Width % 2 != 0) begin : g_bad_width
    $error("list_add: Width must be even");
  end

  // A carry comes in through a bit below the lowest, so that it needs no chain of its own.
  logic [Half+1:0] low;
  logic [Half-1:0] plain;
  logic [Half:0]   carried;
  assign low     = {1'b0, a_i[Half-1:0], carry_i} + {1'b0, b_i[Half-1:0], carry_i};
  assign plain   = a_i[Width-1:Half] + b_i[Width-1:Half];
  assign carried = {a_i[Width-1:Half], 1'b1} + {b_i[Width-1:Half], 1'b1};
  assign sum_o   = {low[Half+1] ? carried[Half:1] : plain, low[Half:1]};

  logic unused;
  assign unused = &{1'b0, low[0], carried[0]};

endmodule

`default_nettype wire
