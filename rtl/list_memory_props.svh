// What list_memory promises, for scripts/prove.
//
//@ proof short induction 2 sat,pdr Depth=4 Width=2 UseBlock=1'b0
//@ see fv_word0 u_mem.gen_any.mem[0]
//@ see fv_word1 u_mem.gen_any.mem[1]
//@ see fv_word2 u_mem.gen_any.mem[2]
//@ see fv_word3 u_mem.gen_any.mem[3]
//@ current: a word read two cycles ago shows every change before it, however close, and no other
//@ wrong: s/late_we_q && late_idx_q == read_idx_q/late_we_q \&\& late_idx_q == cur_idx_q/
//@ swept: after reset every word is 0 when ready comes
//@ wrong: s/wr_idx_o == IdxW'\(Depth - 2\)/wr_idx_o == IdxW'(Depth - 3)/
//@ copied: the write port tells of every change, in the next cycle
//@ wrong: s/wr_en_o     <= changed/wr_en_o <= changed \&\& !newer_q/

(* anyseq *) logic [Width-1:0] fv_word0, fv_word1, fv_word2, fv_word3;
logic [Depth*Width-1:0] fv_mem, fv_words, fv_model_q;
assign fv_mem = {fv_word3, fv_word2, fv_word1, fv_word0};

// The words as they are once all writes have arrived, and as they should be.
logic [Depth-1:0] fv_swept, fv_same, fv_zero;
logic fv_late_right, fv_stored_right, fv_cur_right, fv_ready_q, fv_told_q, fv_rst_q;
logic [IdxW-1:0] fv_told_idx_q;
logic [Width-1:0] fv_told_data_q;
always_ff @(posedge clk_i) begin
  fv_rst_q       <= rst_i;
  fv_ready_q     <= ready_o && !rst_i;
  fv_told_q      <= changed && !rst_i;
  fv_told_idx_q  <= cur_idx_q;
  fv_told_data_q <= next_i;
  for (int unsigned l = 0; l < Depth; l = l + 1) begin
    if (changed && cur_idx_q == IdxW'(l)) fv_model_q[l*Width+:Width] <= next_i;
  end
  if (rst_i) fv_model_q <= '0;
end
always_comb begin
  fv_late_right   = 1'b1;
  fv_stored_right = 1'b1;
  fv_cur_right    = 1'b1;
  for (int unsigned l = 0; l < Depth; l = l + 1) begin
    fv_words[l*Width+:Width] = (wr_en_o && wr_idx_o == IdxW'(l)) ? wr_data_o
                                                                 : fv_mem[l*Width+:Width];
    fv_swept[l] = ready_o || (wr_en_o && IdxW'(l) <= wr_idx_o);
    fv_same[l]  = !fv_swept[l] || fv_words[l*Width+:Width] == fv_model_q[l*Width+:Width];
    fv_zero[l]  = fv_words[l*Width+:Width] == '0;
    if (late_we_q && late_idx_q == IdxW'(l)) begin
      fv_late_right = late_data_q == fv_mem[l*Width+:Width];
    end
    if (!fv_rst_q && read_idx_q == IdxW'(l) && !(late_we_q && late_idx_q == IdxW'(l))) begin
      fv_stored_right = stored == fv_mem[l*Width+:Width];
    end
    if (fv_ready_q && cur_idx_q == IdxW'(l)) begin
      fv_cur_right = cur_o == fv_model_q[l*Width+:Width];
    end
  end
end

always_comb begin
  if (fv_run_q) begin
    current: assert (fv_cur_right);
    swept: assert (!ready_o || fv_ready_q || &fv_zero);
    copied: assert (!fv_ready_q || (wr_en_o == fv_told_q && (!fv_told_q ||
                                    (wr_idx_o == fv_told_idx_q && wr_data_o == fv_told_data_q))));
    assert (&fv_same);
    assert (fv_late_right && fv_stored_right);
    assert (ready_o || fv_model_q == '0);
    assert (ready_o || !wr_en_o || wr_data_o == '0);
    assert (ready_o || wr_en_o || wr_idx_o == '1);
    assert (ready_o || !wr_en_o || wr_idx_o != '1);
    assert (!fv_ready_q || ready_o);
    assert (!fv_rst_q || !ready_o);
  end
end
