// What the second form of line_release's loops gives, for scripts/prove.
//
//@ proof short induction 2 sat,z3 NumBanks=2 NumSlabs=8 SlabWidth=8
//@ fast_form: EXALLOC_FAST_SIM reads the same tokens and finds out the same about them
//@ wrong: s/next_q\[3:1\] == 3'\(i \/ 2\)/next_q[3:0] == 4'(i - 1)/
//@ fast_marks: the same of what it keeps about them
//@ wrong: s/end else if \(b_extends && run_at\[i\]\)/end else if (run_at[i])/

logic [Tokens-1:0] fv_at, fv_a_at, fv_run_at, fv_second_at, fv_first_d, fv_alone_d, fv_first_q, fv_alone_q;
logic fv_gather_q;
always_comb begin
  fv_at        = Tokens'(16'd1 << b_idx_q);
  fv_a_at      = Tokens'(16'd1 << a_idx_q);
  fv_run_at    = Tokens'(16'd1 << run_first_q);
  fv_second_at = Tokens'(16'(b_joins_q) << (b_idx_q | 4'd1));
  fv_first_d   = ((first_q & ~fv_at) | (fv_at & {Tokens{!b_range_q && !b_extends}})) & ~fv_second_at;
  fv_alone_d   = ((alone_q & ~(fv_at | (fv_run_at & {Tokens{b_extends}}))) |
                  (fv_at & {Tokens{!b_range_q && !b_extends && !b_joins_q}})) & ~fv_second_at;
end
always_ff @(posedge clk_i) begin
  fv_gather_q <= b_valid_q && b_done && state_q == StGather;
  fv_first_q  <= fv_first_d;
  fv_alone_q  <= fv_alone_d;
end
logic [31:0] fv_next, fv_second;
assign fv_next   = tokens_i >> (9'(next_q) * 32);
assign fv_second = tokens_i >> (9'({next_q[3:1], 1'b1}) * 32);

always_comb begin
  if (fv_run_q) begin
    fast_form: assert (b_at == fv_at && run_at == fv_run_at && a_first == ((fv_a_at & first_q) != '0) &&
                       a_alone == ((fv_a_at & alone_q) != '0) &&
                       next_token == fv_next && next_second == fv_second);
    fast_marks: assert (!fv_gather_q || (first_q == fv_first_q && alone_q == fv_alone_q));
  end
end
