// What tally promises, for scripts/prove.
//
//@ proof short induction 2 sat,z3 N=9 Width=2 SumW=6
//@ fast_form: the sum is what EXALLOC_FAST_SIM adds up in one stage
//@ wrong: s/else \{x, y\} = two_of_three\(x, y, part_q/else {x, y} = two_of_three(x, x, part_q/
//@ proof short induction 2 sat,z3 N=6 Width=1 SumW=4
//@ fast_form: the same of single bits
//@ wrong: s/SumW'\(values_q\[g\*4\+3\]\)/SumW'(values_q[g*4+2])/

logic [SumW-1:0] fv_total, fv_part_q, fv_sum_q, fv_parts;
always_comb begin
  fv_total = '0;
  for (int unsigned i = 0; i < N; i = i + 1) fv_total = fv_total + SumW'(values_q[i*Width+:Width]);
  fv_parts = '0;
  for (int unsigned g = 0; g < Groups; g = g + 1) fv_parts = fv_parts + part_q[g*SumW+:SumW];
end
always_ff @(posedge clk_i) begin
  fv_part_q <= rst_i ? '0 : fv_total;
  fv_sum_q  <= rst_i ? '0 : fv_part_q;
end

always_comb begin
  if (fv_run_q) begin
    fast_form: assert (sum_o == fv_sum_q);
    assert (fv_parts == fv_part_q);
    // There are no sources beyond the last one.
    assert (values_q >> (N * Width) == '0);
  end
end
