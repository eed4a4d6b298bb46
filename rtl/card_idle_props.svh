// What card_idle promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr NumPortals=2 NumUnits=2
//@ long_quiet: idle_o only after 63 cycles in which nothing was under way
//@ wrong: s/idle_o <= quiet_q == '1/idle_o <= quiet_q >= 6'd62/
//@ falls_at_once: two cycles after something begins idle_o is low
//@ wrong: s/ && !portal_q && !unit_q;/;/

logic [6:0] fv_quiet_q;  // cycles since something was under way, or since reset
logic [6:0] fv_before_q;  // the same a cycle before
logic [1:0] fv_busy_q;
always_ff @(posedge clk_i) begin
  if (rst_i || portals_i != '0 || units_i != '0) fv_quiet_q <= '0;
  else if (fv_quiet_q != 7'd127) fv_quiet_q <= fv_quiet_q + 1'b1;
  fv_before_q <= rst_i ? '0 : fv_quiet_q;
  fv_busy_q <= {fv_busy_q[0], !rst_i && (portals_i != '0 || units_i != '0)};
end
always_comb begin
  if (fv_run_q) begin
    long_quiet: assert (!idle_o || fv_before_q >= 7'd64);
    falls_at_once: assert (!fv_busy_q[1] || !idle_o);
    assert (fv_quiet_q <= 7'd127);
    assert (portal_q || unit_q || 7'(quiet_q) + 7'd1 <= fv_quiet_q);
    assert (!fv_busy_q[0] || portal_q || unit_q);
  end
end
