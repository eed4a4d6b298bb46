// Which units of exalloc_card need the coming clock edge; the others would not change anything that
// matters. Only the models of the platform have it (EXALLOC_UNIT_CLOCKS): there every unit has a
// clock of its own, and a simulator does not evaluate a unit whose clock stands still.
//
// Contract: active_o is settled before the edge it is meant for. Whoever drives the clocks may give
// a unit more edges than that, never fewer. A unit at rest takes something up in the cycle in which
// its bit of wake_i is set; it is finished, but for flags and histories that run out in at most Tail
// cycles, when its bit of busy_i has gone.
`default_nettype none

module unit_activity #(
    parameter int unsigned NumUnits = 21,
    parameter int unsigned Tail     = 6
) (
    input  wire                 clk_i,
    input  wire  [NumUnits-1:0] busy_i,
    input  wire  [NumUnits-1:0] wake_i,
    output logic [NumUnits-1:0] active_o
);

  logic [NumUnits-1:0] now;
  logic [NumUnits-1:0] before_q[Tail];

  assign now = busy_i | wake_i;

  always_comb begin
    active_o = now;
    for (int unsigned i = 0; i < Tail; i = i + 1) active_o = active_o | before_q[i];
  end

  always_ff @(posedge clk_i) begin
    before_q[0] <= now;
    for (int unsigned i = 1; i < Tail; i = i + 1) before_q[i] <= before_q[i-1];
  end

endmodule

`default_nettype wire
