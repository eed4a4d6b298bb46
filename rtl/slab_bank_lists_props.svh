// The state of the lists is always that left by every earlier operation, for scripts/prove.
//
//@ proof short induction 2 sat,z3 AddrW=2 SlabWidth=8 NumLists=2 UseBlock=0
//@ execute: the state execute works on is that left by the last operation on this list
//@ wrong: s/ex_state_q   <= fw_same_ex_o \? ex_state_d : fw_state_q/ex_state_q <= fw_state_q/
//@ forward: what forward sees is the state before the operation in execute
//@ wrong: s/if \(ex_writes_i && ex_list_i == ad_list_i\) rd_from_d = 2'd2;//
//@ choose: what choose sees is the state before the operation in execute
//@ wrong: s/if \(wb_valid_q && wb_list_q == is_list_i\) ct_from_d = 2'd3;//
//@ swept: after a reset every list is empty
//@ wrong: s/wb_state_q\[0 \+: Cached \+ Window\] +<= '0/wb_state_q[1 +: Cached] <= '0/
//
//@ see fv_word0 u_state.gen_any.mem[0]
//@ see fv_word1 u_state.gen_any.mem[1]
//@ see fv_short0 u_choose.gen_any.mem[0]
//@ see fv_short1 u_choose.gen_any.mem[1]
(* anyseq *) logic [StateW-1:0] fv_word0, fv_word1;
(* anyseq *) logic [ChooseW-1:0] fv_short0, fv_short1;

// What slab_bank feeds: the lists of operations moving from stage to stage, writes only of lists that exist, the sweep after
// a reset with nothing in the pipeline.
logic [7:0] fv_ad_q, fv_rd_q, fv_fw_q, fv_is_q, fv_ct_q;
logic fv_fw_writes_q, fv_rst_q, fv_sweeping_q;
logic [1:0] fv_done_q;  // swept
logic fv_ad_good, fv_rd_good_q, fv_fw_good_q, fv_ct_good_q, fv_pr_good_q;
always_ff @(posedge clk_i) begin
  fv_ad_q <= ad_list_i;
  fv_rd_q <= rd_list_i;
  fv_fw_q <= fw_list_i;
  fv_is_q <= is_list_i;
  fv_ct_q <= fv_is_q;
  fv_fw_writes_q <= fw_writes_i && !rst_i;
  fv_rst_q <= rst_i;
  fv_sweeping_q <= sweeping_i;
  if (sweeping_i) fv_done_q[sweep_list_i] <= 1'b1;
  if (rst_i) fv_done_q <= 2'b00;
  fv_rd_good_q <= fv_ad_good && ad_list_i < 8'd2 && !rst_i;
  fv_fw_good_q <= fv_rd_good_q && !rst_i;
  fv_ct_good_q <= fv_ad_good && is_list_i < 8'd2 && !rst_i;
  fv_pr_good_q <= fv_ct_good_q && !rst_i;
end
assign fv_ad_good = fv_run_q && !sweeping_i && !fv_rst_q;
always_comb begin
  if (fv_run_q) begin
    assume (rd_list_i == fv_ad_q && fw_list_i == fv_rd_q && ex_list_i == fv_fw_q);
    assume (ex_writes_i == fv_fw_writes_q);
    if (fv_rst_q) assume (sweeping_i);
    if (!fv_rst_q && !fv_sweeping_q) assume (!sweeping_i);
    if (!sweeping_i) assume (fv_done_q == 2'b11);
  end
  if (fv_run_q && fw_writes_i) assume (fv_fw_good_q && !sweeping_i);
end

// The truth: the state of each list after all operations but the one in execute
logic [2*StateW-1:0] fv_state_q;
logic [1:0] fv_fresh_q;  // not written since the sweep
always_ff @(posedge clk_i) begin
  for (int unsigned l = 0; l < 2; l++) begin
    if (ex_writes_i && ex_list_i[0] == 1'(l)) begin
      fv_state_q[l*StateW +: StateW] <= ex_state_d;
      fv_fresh_q[l] <= 1'b0;
    end
    if (sweeping_i && sweep_list_i == 1'(l)) begin
      fv_state_q[l*StateW +: StateW] <= wb_state_q;
      fv_fresh_q[l] <= 1'b1;
    end
  end
end
logic [StateW-1:0] fv_ex, fv_fw, fv_pr, fv_rd_word, fv_w2_word;
logic [ChooseW-1:0] fv_ct_word;
logic [7:0] fv_w2_q;
always_ff @(posedge clk_i) fv_w2_q <= wb_list_q;
assign fv_ex = ex_list_i[0] ? fv_state_q[StateW +: StateW] : fv_state_q[0 +: StateW];
assign fv_fw = fw_list_i[0] ? fv_state_q[StateW +: StateW] : fv_state_q[0 +: StateW];
assign fv_pr = fv_ct_q[0] ? fv_state_q[StateW +: StateW] : fv_state_q[0 +: StateW];
assign fv_rd_word = rd_list_i[0] ? fv_word1 : fv_word0;
assign fv_w2_word = fv_w2_q[0] ? fv_word1 : fv_word0;
assign fv_ct_word = fv_is_q[0] ? fv_short1 : fv_short0;
logic [1:0] fv_rd_from, fv_ct_from, fv_mem, fv_short, fv_empty;
always_comb begin
  fv_rd_from = 2'd0;
  fv_ct_from = 2'd0;
  if (w2_valid_q && fv_w2_q == rd_list_i) fv_rd_from = 2'd3;
  if (wb_valid_q && wb_list_q == rd_list_i) fv_rd_from = 2'd2;
  if (ex_writes_i && ex_list_i == rd_list_i) fv_rd_from = 2'd1;
  if (w2_valid_q && fv_w2_q == fv_is_q) fv_ct_from = 2'd3;
  if (wb_valid_q && wb_list_q == fv_is_q) fv_ct_from = 2'd2;
  if (ex_writes_i && ex_list_i == fv_is_q) fv_ct_from = 2'd1;
  for (int unsigned l = 0; l < 2; l++) begin
    fv_mem[l] = !fv_done_q[l] || fv_state_q[l*StateW +: StateW] ==
                (wb_valid_q && wb_list_q == 8'(l) ? wb_state_q : l == 0 ? fv_word0 : fv_word1);
    fv_short[l] = !fv_done_q[l] || (l == 0 ? fv_short0 : fv_short1) ==
                  (l == 0 ? choose_part(fv_word0[NumbersW-1:0]) : choose_part(fv_word1[NumbersW-1:0]));
    fv_empty[l] = !fv_done_q[l] || !fv_fresh_q[l] ||
                  (fv_state_q[l*StateW +: Cached + Window] == '0 &&
                   fv_state_q[(l+1)*StateW-1 -: Window] == Window'(1));
  end
end

always_comb begin
  if (fv_run_q) begin
    execute: assert (!ex_writes_i || ex_state_q == fv_ex);
    forward: assert (!fv_fw_good_q || fw_state_q == fv_fw);
    choose: assert (!fv_pr_good_q || pr_state_q == choose_part(fv_pr[NumbersW-1:0]));
    swept: assert (&fv_empty);
    assert (&fv_mem);
    assert (&fv_short);
    assert (!(sweeping_i || fv_rst_q) || (!wb_valid_q && wb_state_q[0 +: Cached + Window] == '0 &&
                                          wb_state_q[StateW-1 -: Window] == Window'(1)));
    assert (!fv_rd_good_q || rd_from_q == fv_rd_from);
    assert (!fv_ct_good_q || ct_from_q == fv_ct_from);
    assert (!fv_rd_good_q || fv_rd_from == 2'd3 || fv_rd_from == 2'd2 || fv_rd_from == 2'd1 ||
            rd_state == fv_rd_word);
    assert (!fv_ct_good_q || fv_ct_from != 2'd0 || ct_state == fv_ct_word);
    assert (!w2_valid_q || (w2_state_q == fv_w2_word && fv_w2_q < 8'd2));
    assert (!(wb_valid_q && !fv_rst_q) || wb_list_q < 8'd2);
    assert (!(w2_valid_q || wb_valid_q || fv_rd_good_q || fv_fw_good_q || fv_ct_good_q || fv_pr_good_q) ||
            fv_done_q == 2'b11);
    assert (fw_same_ex_o == (ex_writes_i && ex_list_i == fw_list_i) || !fv_fw_good_q);
    assert (!ex_writes_i || (ex_list_i < 8'd2 && fv_done_q == 2'b11));
    assert (!fv_rd_good_q || rd_list_i < 8'd2);
    assert (!fv_fw_good_q || fw_list_i < 8'd2);
    assert (!fv_ct_good_q || fv_is_q < 8'd2);
    assert (!fv_pr_good_q || fv_ct_q < 8'd2);
  end
end
