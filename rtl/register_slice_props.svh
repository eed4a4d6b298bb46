// What register_slice promises, for scripts/prove. The queue and the output's buffer tell what is in them by the words their own
// properties keep.
//
//@ proof short induction 3 sat,ind Width=1 Stages=2 +g_stages.u_queue:sync_fifo +g_stages.u_out:skid_buffer
//@ order: words leave in the order they came, unchanged, none lost and none twice
//@ wrong: s/\{data_q, in_data_i\}/{data_q, ~in_data_i}/
//@ room: a word that comes to the end of the flip-flops finds room in the queue
//@ wrong: s/Depth - 2 \* Stages\)/Depth)/
//@ held: a word that is offered stays as it is until it is taken
//@ wrong skid_buffer: s/if \(out_free\) begin$/if (1'b1) begin/
//@ see fv_ready g_stages.ready_q
//@ see fv_valid g_stages.valid_q
//@ see fv_data g_stages.data_q
//@ see fv_queue g_stages.u_queue.fv_queue_q
//@ see fv_queued g_stages.u_queue.fv_count_q
//@ see fv_out g_stages.u_out.fv_words_q
//@ see fv_out_count g_stages.u_out.fv_count_q

localparam int unsigned FvDepth  = 1 << $clog2(4 * Stages + 2);
localparam int unsigned FvCountW = $clog2(FvDepth) + 1;
localparam int unsigned FvWords  = FvDepth + Stages + 2;
(* anyseq *) logic [Stages-1:0] fv_ready, fv_valid;
(* anyseq *) logic [Stages*Width-1:0] fv_data;
(* anyseq *) logic [FvDepth*Width-1:0] fv_queue;
(* anyseq *) logic [FvCountW-1:0] fv_queued;
(* anyseq *) logic [2*Width-1:0] fv_out;
(* anyseq *) logic [1:0] fv_out_count;

// The words inside, the oldest first, by what went in and out
logic [FvWords*Width-1:0] fv_words_q, fv_words_d;
logic [7:0] fv_count_q, fv_count_d;
logic fv_offered_q;
logic [Width-1:0] fv_offer_q;
always_comb begin
  fv_words_d = fv_words_q;
  fv_count_d = fv_count_q;
  if (out_valid_o && out_ready_i) begin
    fv_words_d = fv_words_d >> Width;
    fv_count_d = fv_count_d - 8'd1;
  end
  if (in_valid_i && in_ready_o) begin
    for (int unsigned i = 0; i < FvWords; i++) begin
      if (fv_count_d == 8'(i)) fv_words_d[i*Width +: Width] = in_data_i;
    end
    fv_count_d = fv_count_d + 8'd1;
  end
end
always_ff @(posedge clk_i) begin
  fv_words_q   <= rst_i ? '0 : fv_words_d;
  fv_count_q   <= rst_i ? '0 : fv_count_d;
  fv_offered_q <= !rst_i && out_valid_o && !out_ready_i;
  fv_offer_q   <= out_data_o;
end

// The same by where they are
logic [FvWords*Width-1:0] fv_there;
logic [7:0] fv_there_count, fv_coming, fv_asked;
always_comb begin
  fv_there = '0;
  fv_coming = '0;
  fv_asked = '0;
  for (int unsigned i = 0; i < Stages; i++) begin
    fv_asked = fv_asked + 8'(fv_ready[i]);
    if (fv_valid[i]) begin
      fv_there = fv_there << Width;
      fv_there[Width-1:0] = fv_data[i*Width +: Width];
      fv_coming = fv_coming + 8'd1;
    end
  end
  for (int unsigned i = 0; i < FvDepth; i++) begin
    if (FvCountW'(FvDepth - 1 - i) < fv_queued) begin
      fv_there = fv_there << Width;
      fv_there[Width-1:0] = fv_queue[(FvDepth-1-i)*Width +: Width];
    end
  end
  for (int unsigned i = 0; i < 2; i++) begin
    if (2'(1 - i) < fv_out_count) begin
      fv_there = fv_there << Width;
      fv_there[Width-1:0] = fv_out[(1-i)*Width +: Width];
    end
  end
  fv_there_count = fv_coming + 8'(fv_queued) + 8'(fv_out_count);
end

always_comb begin
  if (fv_run_q) begin
    order: assert (!out_valid_o || (fv_count_q != 8'd0 && out_data_o == fv_words_q[Width-1:0]));
    room: assert (!(fv_valid[Stages-1] && fv_queued == FvCountW'(FvDepth)));
    held: assert (!fv_offered_q || (out_valid_o && out_data_o == fv_offer_q));
    assert (fv_words_q == fv_there && fv_count_q == fv_there_count);
    assert (8'(fv_queued) + fv_coming + fv_asked <= 8'(FvDepth));
  end
end
