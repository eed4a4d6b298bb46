// Compares two unsigned numbers in one cycle.
//
// Contract: less_o = a_i < b_i, combinational.
// Cost: two carry chains of Width / 2 side by side: 3 LUT levels and one chain.
`default_nettype none

module list_less #(
    parameter int unsigned Width = 32
) (
    input  wire  [Width-1:0] a_i,
    input  wire  [Width-1:0] b_i,
    output logic             less_o
);

  localparam int unsigned Half = Width / 2;
  if (Width < 2 || Width % 2 != 0) begin : g_bad_width
    $error("list_less: Width must be even");
  end

  logic high_less, high_equal, low_less;
  assign high_less  = a_i[Width-1:Half] < b_i[Width-1:Half];
  assign high_equal = a_i[Width-1:Half] == b_i[Width-1:Half];
  assign low_less   = a_i[Half-1:0] < b_i[Half-1:0];
  assign less_o     = high_less || (high_equal && low_less);

endmodule

`default_nettype wire
