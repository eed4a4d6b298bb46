// Adds up a small number from each of N sources.
//
// Contract: sum_o is the sum of values_i three cycles ago.
// Cost: two adder stages (sums of four, then all) with one carry chain each, N x Width flip-flops at
// the input.
`default_nettype none

module tally #(
    parameter int unsigned N     = 8,
    parameter int unsigned Width = 4,
    parameter int unsigned SumW  = 8
) (
    input  wire                clk_i,
    input  wire                rst_i,
    input  wire  [N*Width-1:0] values_i,
    output logic [   SumW-1:0] sum_o
);

  localparam int unsigned Groups = (N + 3) / 4;
  if (SumW < Width + $clog2(N + 1)) begin : g_bad_width
    $error("tally: the sum does not fit");
  end

  logic [Groups*4*Width-1:0] values_q;
  logic [   Groups*SumW-1:0] part_d, part_q;
  logic [          SumW-1:0] sum_d;

`ifndef EXALLOC_FAST_SIM
  // Three numbers as two of the same sum, without a carry from bit to bit.
  function automatic logic [2*SumW-1:0] two_of_three(input logic [SumW-1:0] a,
                                                     input logic [SumW-1:0] b,
                                                     input logic [SumW-1:0] c);
    two_of_three = {(a & b | a & c | b & c) << 1, a ^ b ^ c};
  endfunction
`endif

`ifdef EXALLOC_FAST_SIM
  assign part_d = (Groups * SumW)'(total);
  assign sum_d  = part_q[SumW-1:0];

  logic unused_parts;
  assign unused_parts = &{1'b0, part_q};

  logic [SumW-1:0] total;
  always_comb begin
    total = '0;
    if (values_q != '0) begin
      for (int unsigned i = 0; i < N; i = i + 1) total = total + SumW'(values_q[i*Width+:Width]);
    end
  end
`else
  logic [SumW-1:0] x, y;
  always_comb begin
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      if (Width == 1) begin
        part_d[g*SumW+:SumW] = (SumW'(values_q[g*4]) + SumW'(values_q[g*4+1])) +
                               (SumW'(values_q[g*4+2]) + SumW'(values_q[g*4+3]));
      end else begin
        {x, y} = two_of_three(SumW'(values_q[(g*4)*Width+:Width]),
                              SumW'(values_q[(g*4+1)*Width+:Width]),
                              SumW'(values_q[(g*4+2)*Width+:Width]));
        {x, y} = two_of_three(x, y, SumW'(values_q[(g*4+3)*Width+:Width]));
        part_d[g*SumW+:SumW] = x + y;
      end
    end
    {x, y} = (2 * SumW)'(part_q[SumW-1:0]);
    for (int unsigned g = 1; g < Groups; g = g + 1) begin
      if (g == 1) x = part_q[g*SumW+:SumW];
      else {x, y} = two_of_three(x, y, part_q[g*SumW+:SumW]);
    end
    sum_d = x + y;
  end
`endif

  always_ff @(posedge clk_i) begin
    values_q <= (Groups * 4 * Width)'(values_i);
    part_q   <= part_d;
    sum_o    <= sum_d;
    if (rst_i) begin
      values_q <= '0;
      part_q   <= '0;
      sum_o    <= '0;
    end
  end

endmodule

`default_nettype wire
