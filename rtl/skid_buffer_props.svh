// What skid_buffer promises, for scripts/prove.
//
//@ proof short induction 2 sat,pdr Width=4
//@ order: words leave in the order they came, unchanged, none lost and none twice
//@ wrong: s/skid_valid_q \? skid_q : in_data_i/in_data_i/
//@ room: a word is taken only when there is room for it, and shown as long as there is one
//@ wrong: s/ready_q \? in_valid_i : skid_valid_q/ready_q \&\& in_valid_i/
//@ full_rate: after a cycle in which the output was free, the input is ready
//@ wrong: s/ready_q      <= out_free \|\| /ready_q      <= /

// The words inside, the oldest first
logic [2*Width-1:0] fv_words_q, fv_words_d;
logic [1:0] fv_count_q, fv_count_d;
logic fv_free_q;
always_comb begin
  fv_words_d = fv_words_q;
  fv_count_d = fv_count_q;
  if (out_valid_o && out_ready_i) begin
    fv_words_d = fv_words_d >> Width;
    fv_count_d = fv_count_d - 2'd1;
  end
  if (in_valid_i && in_ready_o) begin
    if (fv_count_d == 2'd0) fv_words_d[Width-1:0] = in_data_i;
    else fv_words_d[Width +: Width] = in_data_i;
    fv_count_d = fv_count_d + 2'd1;
  end
end
always_ff @(posedge clk_i) begin
  fv_words_q <= fv_words_d;
  fv_count_q <= rst_i ? 2'd0 : fv_count_d;
  fv_free_q  <= !rst_i && (out_ready_i || fv_count_q == 2'd0);
end

always_comb begin
  if (fv_run_q) begin
    order: assert (!out_valid_o || out_data_o == fv_words_q[Width-1:0]);
    room: assert (fv_count_q <= 2'd2 && out_valid_o == (fv_count_q != 2'd0) &&
                  !(in_ready_o && fv_count_q == 2'd2));
    full_rate: assert (!fv_free_q || in_ready_o);
    assert (skid_valid_q == (fv_count_q == 2'd2));
    assert (!skid_valid_q || skid_q == fv_words_q[Width +: Width]);
  end
end
