// What error_record promises, for scripts/prove.
//
//@ proof short induction 3 sat,z3 NumSources=2 PortalW=1 Depth=2
//@ none_lost_untold: errors taken = errors kept + errors read by the host + errors counted as lost
//@ wrong: s/lost_q       <= record_valid_q && !room/lost_q <= record_valid_q \&\& !room \&\& !pop_i/
//@ one_at_a_time: one source is served at a time, and only one that has an error
//@ wrong: s/grant_q        <= grant_valid && !portal_now \?/grant_q <= grant_valid ?/
//@ portal_first: an error of the portal side is taken in the cycle after it comes
//@ wrong: s/portal_now = portal_valid_i && !portal_q/portal_now = portal_valid_i \&\& !portal_q \&\& err_valid_i == '0/
//@ nobody_waits: of two sources, one that waits lets at most one error of the other pass
//@ wrong: s/req_i\(offer_q & ~grant_q\)/req_i(offer_q \& ~(grant_q << 1))/
//@ record_is_its_source: what is kept is what the source taken offered, portal and cause
//@ wrong: s/\{err_portal_i\[w\*PortalW\+:PortalW\]/{err_portal_i[0+:PortalW]/

(* hierconn *) logic \u_queue.full_q , \u_queue.some_q ;
logic fv_full, fv_some;
logic [$clog2(Depth):0] fv_depth;
assign fv_depth = Depth;
assign fv_full = \u_queue.full_q ;
assign fv_some = \u_queue.some_q ;
(* hierconn *) logic [NumSources-1:0] \u_arbiter.mask_q ;
logic [NumSources-1:0] fv_mask;
assign fv_mask = \u_arbiter.mask_q ;

// A source keeps its error until it is taken; the portal side has at most one in two cycles.
logic [NumSources-1:0] fv_waits_q;
logic                  fv_portal_waits_q;
always_ff @(posedge clk_i) begin
  fv_waits_q        <= rst_i ? '0 : err_valid_i & ~err_ready_o;
  fv_portal_waits_q <= !rst_i && portal_valid_i && !portal_ready_o;
end
always_comb assume ((fv_waits_q & ~err_valid_i) == '0 && (!fv_portal_waits_q || portal_valid_i));

// Counted in 8 bits: that is enough to see one too many or too few.
logic [7:0] fv_taken_q, fv_read_q, fv_lost_q;
always_ff @(posedge clk_i) begin
  fv_taken_q <= fv_taken_q + 8'(portal_q) + 8'(grant_q[0]) + 8'(grant_q[1]);
  fv_read_q  <= fv_read_q + 8'(valid_o && pop_i);
  if (rst_i) begin
    fv_taken_q <= '0;
    fv_read_q  <= '0;
  end
end
// The lost count a cycle or two ahead of its carry.
assign fv_lost_q = lost_low_q[7:0] + 8'(lost_q);

// Errors taken from others while a source waits.
logic [2*3-1:0] fv_passed_q;
always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < 2; i = i + 1) begin
    if (rst_i || !err_valid_i[i] || grant_q[i]) fv_passed_q[i*3+:3] <= '0;
    else if (grant_q[1-i] && fv_passed_q[i*3+:3] != 3'd7) fv_passed_q[i*3+:3] <= fv_passed_q[i*3+:3] + 3'd1;
  end
end

logic [PortalW+7:0] fv_expected_q;  // portal, status, opcode
logic               fv_expects_q;
always_ff @(posedge clk_i) begin
  fv_expects_q <= !rst_i && (portal_q || grant_q != '0);
  if (portal_q) fv_expected_q <= {portal_portal_i, portal_status_i, 4'd0};
  if (grant_q[0]) fv_expected_q <= {err_portal_i[PortalW-1:0], err_status_i[3:0], err_opcode_i[3:0]};
  if (grant_q[1]) fv_expected_q <= {err_portal_i[PortalW+:PortalW], err_status_i[7:4], err_opcode_i[7:4]};
end

always_comb begin
  if (fv_run_q) begin
    none_lost_untold: assert (fv_taken_q == fv_read_q + fv_lost_q + 8'(unused_count) + 8'(record_valid_q));
    one_at_a_time: assert ($onehot0({portal_q, grant_q}) && (grant_q & ~err_valid_i) == '0 &&
                           (!portal_q || portal_valid_i));
    portal_first: assert (!fv_portal_waits_q || portal_ready_o);
    nobody_waits: assert (fv_passed_q[2:0] <= 3'd1 && fv_passed_q[5:3] <= 3'd1);
    assert (fv_passed_q[2:0] == '0 || grant_q[0] || !fv_mask[1]);
    assert (fv_passed_q[5:3] == '0 || grant_q[1] || fv_mask[1]);
    assert (unused_count <= fv_depth && fv_some == (unused_count != '0) &&
            fv_full == (unused_count == fv_depth));
    assert (record_valid_q == fv_expects_q);
    record_is_its_source: assert (!fv_expects_q ||
        (record_valid_q && {record_q[Width-1:50], record_q[39:32]} == fv_expected_q));
  end
end
