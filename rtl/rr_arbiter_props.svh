// What rr_arbiter promises, for scripts/prove.
//
//@ proof short induction 3 sat,z3 N=9
//@ one_hot: at most one requester is granted, only one that asks, and one whenever any asks
//@ wrong: s/late_before\[g\] = \|\(late_any/late_before[g] = \&(late_any/
//@ index: the index is that of the grant
//@ wrong: s/idx\[5:3\] = idx\[5:3\] \| 3'\(g\)/idx[5:3] = idx[5:3]/
//@ fair: while a requester keeps asking, each other one is served at most once before it
//@ wrong: s/mask_q <= mask_next\[N-1:0\]/mask_q <= mask_next[N-1:0] | req_i/
//@ bound: a requester that keeps asking is served by the time N grants were used
//@ wrong: s/advance_i && valid_o/advance_i \&\& valid_o \&\& !gnt_o[0]/
//@ fast_form: grant, index and pointer are what the word arithmetic of EXALLOC_FAST_SIM gives
//@ wrong: s/late_first\[g\*8\+i\] = late\[g\*8\+i\] && /late_first[g*8+i] = /

logic [N-1:0] fv_late_now, fv_from, fv_first;
assign fv_late_now = req_i & mask_q;
assign fv_from     = fv_late_now != '0 ? fv_late_now : req_i;
assign fv_first    = fv_from & -fv_from;
// For every pair: j was served since i began to wait. And how many were (N is at most 15 here).
logic [N*N-1:0] fv_served_q;
logic [N*4-1:0] fv_grants_q;
logic [N-1:0] fv_twice, fv_late, fv_wait_q, fv_known, fv_counts;
logic fv_chain;
logic [3:0] fv_ones;
always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < N; i++) begin
    fv_wait_q[i] <= !rst_i && req_i[i] && !(gnt_o[i] && advance_i);
    for (int unsigned j = 0; j < N; j++) begin
      fv_served_q[i*N+j] <= !rst_i && req_i[i] && !(gnt_o[i] && advance_i) &&
                            ((fv_served_q[i*N+j] && fv_wait_q[i]) || (gnt_o[j] && advance_i));
    end
    fv_grants_q[i*4 +: 4] <= rst_i || !req_i[i] || (gnt_o[i] && advance_i) ? 4'd0 :
                             (fv_wait_q[i] ? fv_grants_q[i*4 +: 4] : 4'd0) + 4'(valid_o && advance_i);
  end
end
always_comb begin
  fv_chain = 1'b1;  // the mask is a run of ones at the top
  for (int unsigned i = 0; i + 1 < N; i++) begin
    if (mask_q[i] && !mask_q[i+1]) fv_chain = 1'b0;
  end
  for (int unsigned i = 0; i < N; i++) begin
    fv_twice[i] = 1'b0;
    fv_known[i] = 1'b1;
    fv_ones = 4'd0;
    for (int unsigned j = 0; j < N; j++) begin
      fv_ones = fv_ones + 4'(fv_served_q[i*N+j]);
      if (fv_wait_q[i] && req_i[i] && advance_i && gnt_o[j] && fv_served_q[i*N+j]) fv_twice[i] = 1'b1;
      // Whom i waited for stands before the pointer, in the order that begins behind i.
      if (fv_wait_q[i] && fv_served_q[i*N+j] && i != j) begin
        if (mask_q[i] ? !(j > i || !mask_q[j]) : !(j > i && !mask_q[j])) fv_known[i] = 1'b0;
      end
      if (fv_wait_q[i] && fv_served_q[i*N+i]) fv_known[i] = 1'b0;
    end
    fv_counts[i] = !fv_wait_q[i] || fv_grants_q[i*4 +: 4] == fv_ones;
    fv_late[i] = fv_wait_q[i] && fv_grants_q[i*4 +: 4] >= 4'(N);
  end
end

always_comb begin
  if (fv_run_q) begin
    one_hot: assert ((gnt_o & (gnt_o - 1'b1)) == '0 && (gnt_o & ~req_i) == '0 &&
                     valid_o == (req_i != '0) && valid_o == (gnt_o != '0));
    index: assert (!valid_o || gnt_o == N'(1) << gnt_idx_o);
    fast_form: assert (gnt_o == fv_first && (!valid_o ||
                       mask_next[N-1:0] == ~(fv_first | (fv_first - 1'b1))));
    fair: assert (fv_twice == '0);
    bound: assert (fv_late == '0);
    assert (fv_chain);
    assert (&fv_known);
    assert (&fv_counts);
  end
end
