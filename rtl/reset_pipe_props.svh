// What reset_pipe promises, for scripts/prove.
//
//@ proof short induction 4 sat,pdr Stages=2 Copies=3
//@ delayed: every copy is the reset of Stages cycles ago
//@ wrong: s/rst_q\[Stages-1\];/rst_q[i == 1 ? 0 : Stages-1];/

logic [Stages-1:0] fv_past_q;
logic [7:0] fv_cycles_q = 8'd0;
always_ff @(posedge clk_i) begin
  fv_past_q <= Stages'({fv_past_q, rst_i});
  if (fv_cycles_q != 8'(Stages)) fv_cycles_q <= fv_cycles_q + 8'd1;
end
always_comb begin
  if (fv_run_q) begin
    delayed: assert (fv_cycles_q != 8'(Stages) || rst_o == {Copies{fv_past_q[Stages-1]}});
  end
end
