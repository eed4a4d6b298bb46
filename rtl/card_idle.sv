// Tells that nothing in the card moves by itself, so that a simulator may skip clocks. Lines may be
// under way on the memory bus.
//
// Contract: idle_o rises when no portal and no unit has anything to do for 63 cycles, long enough
// for pulses on their way between units and for the counters to be taken over.
// Cost: two ORs and a 6-bit counter.
`default_nettype none

module card_idle #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned NumUnits   = 15
) (
    input  wire                   clk_i,
    input  wire                   rst_i,
    input  wire  [NumPortals-1:0] portals_i,
    input  wire  [  NumUnits-1:0] units_i,
    output logic                  idle_o
);

  logic       portal_q, unit_q;
  logic [5:0] quiet_q;

  always_ff @(posedge clk_i) begin
    portal_q <= portals_i != '0;
    unit_q   <= units_i != '0;
    if (portal_q || unit_q) quiet_q <= '0;
    else if (quiet_q != '1) quiet_q <= quiet_q + 1'b1;
    idle_o <= quiet_q == '1 && !portal_q && !unit_q;
    if (rst_i) begin
      portal_q <= 1'b1;
      unit_q   <= 1'b1;
      quiet_q  <= '0;
      idle_o   <= 1'b0;
    end
  end

endmodule

`default_nettype wire
