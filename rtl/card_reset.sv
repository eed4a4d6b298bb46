// Turns the host's reset and the board's into one that leaves no bus transfer half done.
//
// Contract: reset_i makes ready_o fall at once and stop_o rise; when the buses are quiet the
// register port is held off but for the other half of a write that has begun, and with no access
// to it under way core_rst_o resets everything. The board's rst_i does so at once. core_rst_o takes
// Settle cycles to get everywhere, so that long nothing is let in after it. ready_o rises when the
// reset is over and the memories are swept.
// Cost: a few flip-flops.
`default_nettype none

module card_reset #(
    parameter int unsigned Settle = 0
) (
    input  wire  clk_i,
    input  wire  rst_i,
    input  wire  reset_i,        // the host asks
    input  wire  bus_quiet_i,    // after stop_o: no transfer of the masters is under way
    input  wire  swept_i,
    output logic stop_o,
    output logic core_rst_o,
    output logic ready_o,

    // The register port: accesses begun and ended.
    input  wire  aw_i,
    input  wire  w_i,
    input  wire  b_i,
    input  wire  ar_i,
    input  wire  r_i,
    output logic hold_aw_o,
    output logic hold_w_o,
    output logic hold_ar_o,
    output logic busy_o          // an access is under way
);

  localparam int unsigned Pulse = 4;
  if (Settle > 3) begin : g_bad_settle  // less than Pulse: ready_o looks at swept_i after it
    $error("card_reset: Settle must be at most 3");
  end

  typedef enum logic [1:0] {
    StRun,
    StDrain,
    StHold,
    StReset
  } state_e;

  state_e     state_q;
  logic       aw_q, w_q, ar_q;
  logic       hold_q;
  logic [2:0] count_q;
  logic       waited_q;

  assign busy_o = aw_q || w_q || ar_q;

  // A write of which only one half has been taken gets no answer without the other.
  assign hold_aw_o = hold_q && !(w_q && !aw_q);
  assign hold_w_o  = hold_q && !(aw_q && !w_q);
  assign hold_ar_o = hold_q;

  always_ff @(posedge clk_i) begin
    // An address or data without its answer.
    aw_q <= aw_i || (aw_q && !b_i);
    w_q  <= w_i || (w_q && !b_i);
    ar_q <= ar_i || (ar_q && !r_i);

    stop_o     <= state_q != StRun || reset_i;
    hold_q     <= state_q == StHold || state_q == StReset;
    core_rst_o <= state_q == StReset && count_q <= 3'(Pulse);
    waited_q   <= hold_q;
    ready_o    <= state_q == StRun && !reset_i && !core_rst_o && swept_i;
    count_q    <= state_q == StReset ? count_q + 1'b1 : '0;

    case (state_q)
      StRun:   if (reset_i) state_q <= StDrain;
      StDrain: if (bus_quiet_i) state_q <= StHold;
      StHold: begin
        if (waited_q && !busy_o) state_q <= StReset;
      end
      default: if (count_q == 3'(Pulse + Settle)) state_q <= StRun;
    endcase

    if (rst_i) begin
      state_q    <= StReset;
      count_q    <= '0;
      aw_q       <= 1'b0;
      w_q        <= 1'b0;
      ar_q       <= 1'b0;
      stop_o     <= 1'b1;
      hold_q     <= 1'b1;
      core_rst_o <= 1'b1;
      waited_q   <= 1'b0;
      ready_o    <= 1'b0;
    end
  end

endmodule

`default_nettype wire
