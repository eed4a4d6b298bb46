// What the second form of line_grant's loop gives, for scripts/prove.
//
//@ proof short induction 2 sat,z3 NumBanks=2 SlabW=2 SlabWidth=64
//@ fast_form: the blocks that go out are those of the word arithmetic of EXALLOC_FAST_SIM
//@ wrong: s/lowest\[4\*k\+2\] && two/lowest[4*k+1] \&\& two/

logic [15:0] fv_given;
assign fv_given = lowest | ((lowest & 16'h1111) << 1 & {16{two || four}}) |
                  ((lowest & 16'h1111) << 2 & {16{four}}) | ((lowest & 16'h1111) << 3 & {16{four}}) |
                  ((lowest & 16'h4444) << 1 & {16{two}});
always_comb begin
  if (fv_run_q) begin
    fast_form: assert (given == fv_given);
  end
end
