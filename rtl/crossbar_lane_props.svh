// What crossbar_lane promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr Width=3
//@ order: operations reach the bank in the order they came, unchanged, none lost and none twice
//@ wrong: s/out_data_o <= has \? queue\[read_q\]/out_data_o <= has ? queue[write_q]/
//@ room: what was promised with room_o has a place
//@ wrong: s/room_o <= !used_d\[2\]/room_o <= 1'b1/
//@ shown: the output is valid whenever an operation is inside and has had a cycle
//@ wrong: s/out_valid_o <= has \|\| in_valid_i/out_valid_o <= in_valid_i/

// The crossbar reserves only when there is room, and sends exactly one cycle later.
logic fv_due_q;
always_ff @(posedge clk_i) fv_due_q <= reserve_i && !rst_i;
always_comb begin
  if (!room_o) assume (!reserve_i);
  if (fv_run_q) assume (in_valid_i == fv_due_q);
end

// The operations inside, the oldest first
logic [5*Width-1:0] fv_words_q, fv_words_d;
logic [2:0] fv_count_q, fv_count_d;
always_comb begin
  fv_words_d = fv_words_q;
  fv_count_d = fv_count_q;
  if (out_valid_o && out_ready_i) begin
    fv_words_d = fv_words_d >> Width;
    fv_count_d = fv_count_d - 3'd1;
  end
  if (in_valid_i) begin
    for (int unsigned i = 0; i < 5; i++) begin
      if (fv_count_d == 3'(i)) fv_words_d[i*Width +: Width] = in_data_i;
    end
    fv_count_d = fv_count_d + 3'd1;
  end
end
always_ff @(posedge clk_i) begin
  fv_words_q <= fv_words_d;
  fv_count_q <= rst_i ? 3'd0 : fv_count_d;
end

logic [3:0] fv_same;
logic [1:0] fv_row;
always_comb begin
  for (int unsigned i = 0; i < 4; i++) begin
    fv_row = read_q + 2'(i);
    fv_same[i] = 3'(i) >= queued_q || queue[fv_row] == fv_words_q[(i+1)*Width +: Width];
  end
end

always_comb begin
  if (fv_run_q) begin
    order: assert (!out_valid_o || out_data_o == fv_words_q[Width-1:0]);
    room: assert (fv_count_q + 3'(fv_due_q) <= 3'd4);
    shown: assert (out_valid_o == (fv_count_q != 3'd0));
    assert (used_q == fv_count_q + 3'(fv_due_q) && (!room_o || !used_q[2]));
    assert (&fv_same);
    assert (queued_q == fv_count_q - 3'(out_valid_o) && queued_q <= 3'd4);
    assert (queued_q[1:0] == 2'(write_q - read_q));
  end
end
