// Counts clock cycles in 64 bits, those included that passed while the clock stood still.
//
// Contract: every cycle adds 1 + gated_cycles_i. A simulator that leaves out idle cycles names
// their number with the next one; on hardware gated_cycles_i is 0. Read data comes 2 cycles after
// re_i; a read of the low half keeps the high half for the next read of the high half.
// Cost: one 64-bit adder in three stages, and what brings its pieces together again.
`default_nettype none

module cycle_counter (
    input  wire         clk_i,
    input  wire         rst_i,
    input  wire  [31:0] gated_cycles_i,
    input  wire         re_i,
    input  wire         high_i,
    output logic [31:0] rdata_o
);

  // Pieces of 22, 21 and 21 bits; each is a cycle behind the one below it.
  logic [22:0] low_q;      // the top bit is the carry
  logic [21:0] middle_q;
  logic [20:0] high_q;
  logic [ 9:0] gated_q;    // bits 31..22
  logic [21:0] low_late_q, low_last_q;
  logic [20:0] middle_late_q;

  // The 1 comes in through a bit below the lowest.
  logic [23:0] low;
  logic [22:0] middle;
  assign low    = {1'b0, low_q[21:0], 1'b1} + {1'b0, gated_cycles_i[21:0], 1'b1};
  assign middle = {1'b0, middle_q[20:0], 1'b1} + {12'd0, gated_q, low_q[22]};

  logic        re_q, high_read_q;
  logic [63:0] shown_q;
  logic [31:0] kept_q;

  always_ff @(posedge clk_i) begin
    low_q         <= low[23:1];
    gated_q       <= gated_cycles_i[31:22];
    middle_q      <= middle[22:1];
    low_late_q    <= low_q[21:0];
    high_q        <= high_q + 21'(middle_q[21]);
    middle_late_q <= middle_q[20:0];
    low_last_q    <= low_late_q;

    re_q        <= re_i;
    high_read_q <= high_i;
    shown_q     <= {high_q, middle_late_q, low_last_q};
    if (re_q) begin
      rdata_o <= high_read_q ? kept_q : shown_q[31:0];
      if (!high_read_q) kept_q <= shown_q[63:32];
    end
    if (rst_i) begin
      low_q         <= '0;
      gated_q       <= '0;
      middle_q      <= '0;
      low_late_q    <= '0;
      high_q        <= '0;
      middle_late_q <= '0;
      low_last_q    <= '0;
      re_q          <= 1'b0;
      kept_q        <= '0;
    end
  end

  logic unused;
  assign unused = &{1'b0, low[0], middle[0]};

endmodule

`default_nettype wire
