// What stream_push promises, for scripts/prove: among banks that answer when and what they like, in
// order, one token, any one, is followed from the kernel, which may push it as often as it likes, to
// the bank that accepts its block or into an error.
//
//@ proof full each 1 cadical,z3 NumBanks=2 NumSlabs=8 SlabWidth=8 Places=4 +g_bank[0].u_answers:sync_fifo
//@ see fv_answers0 g_bank[0].u_answers.fv_queue_q
//@ see fv_answers1 g_bank[1].u_answers.fv_queue_q
//@ see fv_count0 g_bank[0].u_answers.fv_count_q
//@ see fv_count1 g_bank[1].u_answers.fv_count_q
//@ see fv_skid_token u_skid.skid_q
//@ see fv_skid_valid u_skid.skid_valid_q
//@ accept: a token is taken only while the port accepts
//@ wrong: s/s_axis_tready_o = skid_in_ready && accept_i/s_axis_tready_o = skid_in_ready/
//@ operation: an operation stays as it is until the crossbar takes it
//@ wrong: s/assign o_free       = !o_valid_q \|\| req_ready_i/assign o_free = 1'b1/
//@ error: an error stays as it is until it is taken
//@ wrong: s/err_free  = !err_valid_o \|\| err_ready_i/err_free  = 1'b1/
//@ lost: a token taken, and neither accepted by its bank nor reported as refused, is inside, as often as it was
//@   taken
//@ wrong: s/b_bit \| \(b_extends \? run_mask_q : '0\)/b_bit/
//@ twice: a token is inside no more often than it was taken and neither accepted nor reported: it is not released
//@   again after it was accepted, nor both released and reported
//@ wrong: s/end else if \(flush_go\) begin/end else if (1'b0) begin/
//@ blame: a token is reported only if it is out of range, or its bank refused its block alone, once each time
//@ wrong: s/>= Blocks;/>= Blocks - 7'd1;/
//@ back: a mask given back is released once, as it came
//@ wrong: s/o_own_q    <= back_valid_i/o_own_q <= 1'b0/
//@ counted: as many blocks are told as released as the banks accepted, none while that is not to be
//@ wrong: s/r_ok \? r_count_q/r_ok ? 7'd1/
//@ clear: when nothing is inside, all that was pushed was accepted or reported, all that was given back was
//@   answered, and both have been told
//@ wrong: s/r_valid_q \|\| walk_q != WkIdle/walk_q != WkIdle/
//@ due: gathered blocks wait for more at most 15 cycles
//@ wrong: s/due_q \|\| wait_q == 4'd13/wait_q == 4'd13/
//@ room: no more operations are under way in a bank than there are places
//@ wrong: s/used >= PlaceW'\(Places - 3\)/used >= PlaceW'(Places - 2)/

localparam int unsigned FvRing = NumBanks * Places;

(* anyseq *) logic [Places*4-1:0] fv_answers0, fv_answers1;
(* anyseq *) logic [PlaceW:0] fv_count0, fv_count1;
(* anyseq *) logic [31:0] fv_skid_token;
(* anyseq *) logic fv_skid_valid;

// The token followed; its block, if the card has it
(* anyconst *) logic [31:0] fv_token;
exalloc_pkg::token_t fv_name;
logic fv_range;
logic [GlobalW-1:0] fv_slab;
logic [SlabWidth-1:0] fv_bit;
always_comb begin
  fv_name  = fv_token;
  fv_range = fv_name.slab == '0 || fv_name.slab >= 26'(NumSlabs) ||
             {1'b0, fv_name.block} >= 7'(SlabWidth);
  fv_slab  = fv_name.slab[GlobalW-1:0];
  fv_bit   = fv_range ? '0 : SlabWidth'(1) << fv_name.block[BlockW-1:0];
end

// In the banks: operations sent and not answered, the oldest first (own: a mask given back; the
// block followed is in it; size), and a repeated block
logic [FvRing-1:0] fv_own_q, fv_hit_q;
logic [FvRing*4-1:0] fv_size_q;
logic [NumBanks*3-1:0] fv_sent_q;
// Answered and not looked at, the oldest first, with the answer
logic [FvRing-1:0] fv_aown_q, fv_ahit_q;
logic [FvRing*4-1:0] fv_asize_q, fv_astatus_q;
logic [NumBanks*3-1:0] fv_done_q;
logic [NumBanks-1:0] fv_take;
logic fv_repeat_q, fv_repeat_hit_q;
logic [BankW-1:0] fv_repeat_bank_q;
logic fv_send, fv_send_hit, fv_back_hit, fv_pushes, fv_errs;
logic [3:0] fv_send_size, fv_back_size;
logic [NumBanks-1:0] fv_fits, fv_get, fv_put;
always_comb begin
  fv_send      = req_valid_o && req_ready_i;
  fv_send_hit  = {req_slab_o, req_bank_o} == fv_slab && (req_mask_o & fv_bit) != '0;
  fv_back_hit  = {back_slab_i, back_bank_i} == fv_slab && (back_mask_i & fv_bit) != '0;
  fv_pushes    = s_axis_tvalid_i && s_axis_tready_o && s_axis_tdata_i == fv_token;
  fv_errs      = err_valid_o && err_ready_i && err_token_o == fv_token;
  fv_send_size = '0;
  fv_back_size = '0;
  for (int unsigned i = 0; i < SlabWidth; i++) begin
    fv_send_size = fv_send_size + 4'(req_mask_o[i]);
    fv_back_size = fv_back_size + 4'(back_mask_i[i]);
  end
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_put[b]  = fv_send && !req_repeat_o && req_bank_o == BankW'(b);
    fv_get[b]  = rsp_valid_i[b] && !rsp_repeat_i[b];
    fv_take[b] = p_valid_q && p_step && p_bank_q == BankW'(b);
    fv_fits[b] = !rsp_valid_i[b] || (rsp_repeat_i[b] ? fv_repeat_q && fv_repeat_bank_q == BankW'(b)
                                                     : fv_sent_q[b*3 +: 3] != '0);
  end
  // Banks answer what they were asked, ports give back what they hold.
  assume (&fv_fits);
  assume (!back_valid_i || (5'(fv_back_size) == back_count_i && back_mask_i != '0));
end
always_ff @(posedge clk_i) begin
  for (int unsigned b = 0; b < NumBanks; b++) begin
    for (int unsigned i = 0; i < Places; i++) begin
      if (fv_get[b] && i + 1 < Places) begin
        fv_own_q[b*Places + i] <= fv_own_q[b*Places + (i + 1) % Places];
        fv_hit_q[b*Places + i] <= fv_hit_q[b*Places + (i + 1) % Places];
        fv_size_q[(b*Places + i)*4 +: 4] <= fv_size_q[(b*Places + (i + 1) % Places)*4 +: 4];
      end
      if (fv_put[b] && fv_sent_q[b*3 +: 3] - 3'(fv_get[b]) == 3'(i)) begin
        fv_own_q[b*Places + i] <= o_own_q;
        fv_hit_q[b*Places + i] <= fv_send_hit;
        fv_size_q[(b*Places + i)*4 +: 4] <= fv_send_size;
      end
    end
    for (int unsigned i = 0; i < Places; i++) begin
      if (fv_take[b] && i + 1 < Places) begin
        fv_aown_q[b*Places + i] <= fv_aown_q[b*Places + (i + 1) % Places];
        fv_ahit_q[b*Places + i] <= fv_ahit_q[b*Places + (i + 1) % Places];
        fv_asize_q[(b*Places + i)*4 +: 4]   <= fv_asize_q[(b*Places + (i + 1) % Places)*4 +: 4];
        fv_astatus_q[(b*Places + i)*4 +: 4] <= fv_astatus_q[(b*Places + (i + 1) % Places)*4 +: 4];
      end
      if (fv_get[b] && fv_done_q[b*3 +: 3] - 3'(fv_take[b]) == 3'(i)) begin
        fv_aown_q[b*Places + i] <= fv_own_q[b*Places];
        fv_ahit_q[b*Places + i] <= fv_hit_q[b*Places];
        fv_asize_q[(b*Places + i)*4 +: 4]   <= fv_size_q[b*Places*4 +: 4];
        fv_astatus_q[(b*Places + i)*4 +: 4] <= rsp_status_i[b*4 +: 4];
      end
    end
    fv_sent_q[b*3 +: 3] <= rst_i ? '0 : fv_sent_q[b*3 +: 3] + 3'(fv_put[b]) - 3'(fv_get[b]);
    fv_done_q[b*3 +: 3] <= rst_i ? '0 : fv_done_q[b*3 +: 3] + 3'(fv_get[b]) - 3'(fv_take[b]);
  end
  if (fv_send && req_repeat_o) begin
    fv_repeat_q      <= 1'b1;
    fv_repeat_hit_q  <= fv_send_hit;
    fv_repeat_bank_q <= req_bank_o;
  end else if (walk_answered) begin
    fv_repeat_q <= 1'b0;
  end
  if (rst_i) fv_repeat_q <= 1'b0;
end

// What the answers of this cycle accept
logic fv_accepts, fv_condemns, fv_first_own, fv_first_hit;
logic [3:0] fv_first_size, fv_status;
logic [6:0] fv_accepted;
always_comb begin
  fv_accepts  = 1'b0;
  fv_condemns = 1'b0;
  fv_accepted = '0;
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_first_own  = !rsp_repeat_i[b] && fv_own_q[b*Places];
    fv_first_hit  = rsp_repeat_i[b] ? fv_repeat_hit_q : fv_hit_q[b*Places];
    fv_first_size = rsp_repeat_i[b] ? 4'd1 : fv_size_q[b*Places*4 +: 4];
    fv_status     = rsp_status_i[b*4 +: 4];
    if (rsp_valid_i[b] && fv_status == exalloc_pkg::StatusOk) begin
      fv_accepted = fv_accepted + 7'(fv_first_size);
      if (fv_first_hit && !fv_first_own) fv_accepts = 1'b1;
    end
    if (rsp_valid_i[b] && fv_status != exalloc_pkg::StatusOk && fv_first_size == 4'd1 &&
        fv_first_hit && !fv_first_own) begin
      fv_condemns = 1'b1;
    end
  end
end

// How often the token was taken and neither accepted nor reported; how often of these it may be
// reported; how often a mask with its block was given back and not sent; blocks accepted and not told.
logic [4:0] fv_owed_q, fv_bad_q, fv_back_q;
logic [6:0] fv_untold_q;
// The same by places, each with what goes in and out: read and compared; in each bank; answered by
// each bank and refused, of these alone; blocks answered as accepted.
logic [4:0] fv_front_q;
logic [NumBanks*3-1:0] fv_bank_q, fv_refused_q, fv_alone_q;
logic [NumBanks*7-1:0] fv_went_q;
logic fv_op_q, fv_err_q;
logic [BankW+SlabW+SlabWidth:0] fv_op_data_q;
logic [35:0] fv_err_data_q;
logic [3:0] fv_wait_q;
logic [NumBanks-1:0] fv_put_q;
logic [NumBanks-1:0] fv_bank_in, fv_bank_out, fv_ref_in, fv_ref_out, fv_alone_in, fv_alone_out;
logic [NumBanks*7-1:0] fv_went_in, fv_went_out;
logic fv_head_bad, fv_head_hit;
always_comb begin
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_head_bad     = rsp_status_i[b*4 +: 4] != exalloc_pkg::StatusOk;
    fv_head_hit     = fv_hit_q[b*Places] && !fv_own_q[b*Places];
    fv_bank_in[b]   = fv_put[b] && fv_send_hit && !o_own_q;
    fv_bank_out[b]  = fv_get[b] && fv_head_hit;
    fv_ref_in[b]    = fv_bank_out[b] && fv_head_bad;
    fv_alone_in[b]  = fv_ref_in[b] && fv_size_q[b*Places*4 +: 4] == 4'd1;
    fv_went_in[b*7 +: 7] = fv_get[b] && !fv_head_bad ? 7'(fv_size_q[b*Places*4 +: 4]) : '0;
    fv_head_bad     = fv_astatus_q[b*Places*4 +: 4] != exalloc_pkg::StatusOk;
    fv_ref_out[b]   = fv_take[b] && fv_head_bad && fv_ahit_q[b*Places] && !fv_aown_q[b*Places];
    fv_alone_out[b] = fv_ref_out[b] && fv_asize_q[b*Places*4 +: 4] == 4'd1;
    fv_went_out[b*7 +: 7] = fv_take[b] && !fv_head_bad ? 7'(fv_asize_q[b*Places*4 +: 4]) : '0;
  end
end
always_ff @(posedge clk_i) begin
  fv_owed_q   <= fv_owed_q + 5'(fv_pushes) - 5'(fv_accepts) - 5'(fv_errs);
  fv_bad_q    <= fv_bad_q + 5'(fv_pushes && fv_range) + 5'(fv_condemns) - 5'(fv_errs);
  fv_back_q   <= fv_back_q + 5'(back_valid_i && back_ready_o && fv_back_hit) -
                 5'(fv_send && fv_send_hit && o_own_q && !req_repeat_o);
  fv_untold_q <= fv_untold_q + fv_accepted - released_o;
  fv_op_q       <= !rst_i && req_valid_o && !req_ready_i;
  fv_op_data_q  <= {req_bank_o, req_slab_o, req_mask_o, req_repeat_o};
  fv_err_q      <= !rst_i && err_valid_o && !err_ready_i;
  fv_err_data_q <= {err_status_o, err_token_o};
  fv_wait_q     <= (rst_i || !run_valid_q || b_valid_q) ? '0 : fv_wait_q + 4'(fv_wait_q != '1);
  fv_front_q <= rst_i ? '0 : fv_front_q + 5'(fv_pushes) - 5'(b_valid_q && b_step && b_token_q == fv_token);
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_bank_q[b*3 +: 3]    <= rst_i ? '0 : fv_bank_q[b*3 +: 3] + 3'(fv_bank_in[b]) - 3'(fv_bank_out[b]);
    fv_refused_q[b*3 +: 3] <= rst_i ? '0 : fv_refused_q[b*3 +: 3] + 3'(fv_ref_in[b]) - 3'(fv_ref_out[b]);
    fv_alone_q[b*3 +: 3]   <= rst_i ? '0 : fv_alone_q[b*3 +: 3] + 3'(fv_alone_in[b]) - 3'(fv_alone_out[b]);
    fv_went_q[b*7 +: 7]    <= rst_i ? '0 : fv_went_q[b*7 +: 7] + fv_went_in[b*7 +: 7] - fv_went_out[b*7 +: 7];
    fv_put_q[b] <= !rst_i && o_new_q && o_bank_q == BankW'(b);
  end
  if (rst_i) begin
    fv_owed_q   <= '0;
    fv_bad_q    <= '0;
    fv_back_q   <= '0;
    fv_untold_q <= '0;
  end
end

// Operations under way, bank by bank: at P, answered, in the bank
logic [4:0] fv_inside, fv_condemned, fv_front;
logic [2:0] fv_in_bank, fv_in_refused, fv_in_alone;
logic [6:0] fv_in_went;
logic fv_run_hit, fv_o_hit, fv_r_hit, fv_err_hit;
logic [NumBanks-1:0] fv_places_ok, fv_went_ok, fv_done_ok;
logic [6:0] fv_untold;
logic [FvRing-1:0] fv_entry_ok;
logic [NumBanks-1:0] fv_ring_ok, fv_ring_full, fv_ring_some;
logic [PlaceW-1:0] fv_row, fv_used;  // fv_row, fv_pos: how many are ahead of it
logic [3:0] fv_pos;
logic [EntryW-1:0] fv_entry;
logic fv_e_own, fv_e_hit;
logic [6:0] fv_e_count;
logic [SlabW-1:0] fv_e_slab;
logic [SlabWidth-1:0] fv_e_mask;
logic [3:0] fv_e_ones, fv_at, fv_first, fv_answered, fv_held, fv_e_status;
logic fv_pending;
// The walker, and the other places
logic [2*SlabWidth-1:0] fv_walk_mask;
logic fv_walk_in, fv_walk_bit;
logic [3:0] fv_r_ones, fv_run_ones, fv_walk_ones;
always_comb begin
  fv_r_ones    = '0;
  fv_run_ones  = '0;
  fv_walk_ones = '0;
  for (int unsigned i = 0; i < SlabWidth; i++) begin
    fv_r_ones    = fv_r_ones + 4'(r_mask_q[i]);
    fv_run_ones  = fv_run_ones + 4'(run_mask_q[i]);
    fv_walk_ones = fv_walk_ones + 4'(walk_mask_q[i]);
  end
  fv_walk_mask = (2*SlabWidth)'(walk_mask_q) << walk_block_q;
  fv_walk_bit  = {walk_slab_q, walk_bank_q} == fv_slab && fv_bit == SlabWidth'(1) << walk_block_q;
  fv_walk_in   = walk_q != WkIdle && {walk_slab_q, walk_bank_q} == fv_slab &&
                 (fv_walk_mask[SlabWidth-1:0] & fv_bit) != '0 &&
                 !(walk_q == WkOk && fv_walk_bit);

  fv_run_hit = run_valid_q && run_slab_q == fv_slab && (run_mask_q & fv_bit) != '0;
  fv_o_hit   = o_valid_q && !o_repeat_q && !o_own_q && fv_send_hit;
  fv_r_hit   = r_valid_q && r_status_q != exalloc_pkg::StatusOk && !r_own_q &&
               {r_slab_q, r_bank_q} == fv_slab && (r_mask_q & fv_bit) != '0;
  fv_err_hit = err_valid_o && err_token_o == fv_token;
  fv_front   = 5'(skid_valid && skid_token == fv_token) +
               5'(fv_skid_valid && fv_skid_token == fv_token) +
               5'(a_valid_q && a_token_q == fv_token) + 5'(b_valid_q && b_token_q == fv_token);
  fv_inside    = fv_front_q + 5'(fv_run_hit) + 5'(fv_o_hit) + 5'(fv_r_hit) + 5'(fv_walk_in) + 5'(fv_err_hit);
  fv_condemned = 5'(fv_range ? fv_front_q : '0) + 5'(fv_r_hit && r_mask_q == fv_bit) +
                 5'(fv_walk_in && (walk_alone_q || (walk_q == WkError && fv_walk_bit))) + 5'(fv_err_hit);
  fv_untold = (r_valid_q && r_status_q == exalloc_pkg::StatusOk ? r_count_q : '0) +
              7'(walk_q == WkOk);

  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_inside    = fv_inside + 5'(fv_bank_q[b*3 +: 3]) + 5'(fv_refused_q[b*3 +: 3]);
    fv_condemned = fv_condemned + 5'(fv_alone_q[b*3 +: 3]);
    fv_untold    = fv_untold + fv_went_q[b*7 +: 7];
    fv_in_bank   = '0;
    fv_in_refused = '0;
    fv_in_alone  = '0;
    fv_in_went   = '0;
    for (int unsigned i = 0; i < Places; i++) begin
      if (3'(i) < fv_sent_q[b*3 +: 3] && fv_hit_q[b*Places + i] && !fv_own_q[b*Places + i]) fv_in_bank = fv_in_bank + 3'd1;
      if (3'(i) < fv_done_q[b*3 +: 3]) begin
        if (fv_astatus_q[(b*Places + i)*4 +: 4] == exalloc_pkg::StatusOk) begin
          fv_in_went = fv_in_went + 7'(fv_asize_q[(b*Places + i)*4 +: 4]);
        end else if (fv_ahit_q[b*Places + i] && !fv_aown_q[b*Places + i]) begin
          fv_in_refused = fv_in_refused + 3'd1;
          if (fv_asize_q[(b*Places + i)*4 +: 4] == 4'd1) fv_in_alone = fv_in_alone + 3'd1;
        end
      end
    end
    fv_places_ok[b] = fv_bank_q[b*3 +: 3] == fv_in_bank && fv_refused_q[b*3 +: 3] == fv_in_refused &&
                      fv_alone_q[b*3 +: 3] == fv_in_alone;
    fv_went_ok[b]   = fv_went_q[b*7 +: 7] == fv_in_went;
    fv_first    = 4'(p_valid_q && p_bank_q == BankW'(b));
    fv_answered = fv_first + (b == 0 ? 4'(fv_count0) : 4'(fv_count1));
    fv_held     = fv_answered + 4'(fv_sent_q[b*3 +: 3]);
    fv_used     = write_q[b*PlaceW +: PlaceW] - read_q[b*PlaceW +: PlaceW];
    fv_pending  = o_valid_q && !o_repeat_q && o_bank_q == BankW'(b);
    fv_ring_ok[b]   = 4'(fv_used) + 4'(o_new_q && o_bank_q == BankW'(b)) ==
                      fv_held + 4'(fv_pending) && fv_held + 4'(fv_pending) <= 4'(Places - 1);
    fv_done_ok[b]   = 4'(fv_done_q[b*3 +: 3]) == fv_answered;
    fv_ring_full[b] = full_q[b] || 4'(fv_used) <= 4'(fv_put_q[b]);
    fv_ring_some[b] = some_q[b] || fv_used == '0;
    for (int unsigned i = 0; i < Places; i++) begin
      fv_row   = PlaceW'(i) - read_q[b*PlaceW +: PlaceW];
      fv_pos   = 4'(fv_row);
      fv_entry = under_way[b*Places + i];
      {fv_e_own, fv_e_count, fv_e_slab, fv_e_mask} = fv_entry;
      fv_e_hit = {fv_e_slab, BankW'(b)} == fv_slab && (fv_e_mask & fv_bit) != '0;
      fv_e_ones = '0;
      for (int unsigned j = 0; j < SlabWidth; j++) fv_e_ones = fv_e_ones + 4'(fv_e_mask[j]);
      fv_at       = fv_pos - fv_first;
      fv_e_status = p_status_q;
      for (int unsigned j = 0; j < Places; j++) begin
        if (fv_pos >= fv_first && fv_at == 4'(j)) begin
          fv_e_status = b == 0 ? fv_answers0[j*4 +: 4] : fv_answers1[j*4 +: 4];
        end
      end
      fv_at = fv_pos - fv_answered;
      fv_entry_ok[b*Places + i] = 1'b1;
      if (fv_pos < fv_answered) begin
        for (int unsigned j = 0; j < Places; j++) begin
          if (fv_pos == 4'(j)) begin
            fv_entry_ok[b*Places + i] = fv_aown_q[b*Places + j] == fv_e_own &&
                                        fv_ahit_q[b*Places + j] == fv_e_hit &&
                                        fv_asize_q[(b*Places + j)*4 +: 4] == fv_e_ones &&
                                        fv_astatus_q[(b*Places + j)*4 +: 4] == fv_e_status;
          end
        end
      end else if (fv_pos < fv_held) begin
        for (int unsigned j = 0; j < Places; j++) begin
          if (fv_at == 4'(j)) begin
            fv_entry_ok[b*Places + i] = fv_own_q[b*Places + j] == fv_e_own &&
                                        fv_hit_q[b*Places + j] == fv_e_hit &&
                                        fv_size_q[(b*Places + j)*4 +: 4] == fv_e_ones;
          end
        end
      end
      // One put and not yet sent is that on offer.
      if (fv_pos == fv_held && fv_pending && !o_new_q) begin
        fv_entry_ok[b*Places + i] = fv_entry == {o_own_q, o_count_q, o_slab_q, o_mask_q};
      end
      if (fv_pos < 4'(fv_used) && (7'(fv_e_ones) != fv_e_count || (!fv_e_own && {fv_e_slab, BankW'(b)} == '0))) begin
        fv_entry_ok[b*Places + i] = 1'b0;
      end
    end
  end
end

always_comb begin
  if (fv_run_q) begin
    accept: assert (!s_axis_tready_o || accept_i);
    operation: assert (!fv_op_q || (req_valid_o &&
                       fv_op_data_q == {req_bank_o, req_slab_o, req_mask_o, req_repeat_o}));
    error: assert (!fv_err_q || (err_valid_o && fv_err_data_q == {err_status_o, err_token_o}));
    lost: assert (fv_owed_q <= fv_inside);
    twice: assert (fv_owed_q >= fv_inside);
    blame: assert (fv_bad_q == fv_condemned && (!err_valid_o || err_status_o != exalloc_pkg::StatusOk));
    back: assert (fv_back_q == 5'(o_valid_q && o_own_q && !o_repeat_q && fv_send_hit));
    counted: assert (fv_untold_q == fv_untold && !(released_full_i && released_o != '0));
    clear: assert (!clear_o || (fv_owed_q == '0 && fv_untold_q == '0 && fv_sent_q == '0 &&
                                fv_back_q == '0));
    due: assert (!(run_valid_q && !b_valid_q && fv_wait_q >= 4'd14) || flush);
    room: assert (&fv_ring_ok);
    assert (&fv_entry_ok);
    assert (&fv_done_ok);
    assert (fv_front_q == fv_front);
    assert (&fv_places_ok);
    assert (&fv_went_ok);
    assert (&fv_ring_full);
    assert (&fv_ring_some);
    assert (!fv_skid_valid || (skid_valid && !skid_in_ready));
    assert (!b_valid_q || b_range_q == (b_token_q.slab == '0 || b_token_q.slab >= 26'(NumSlabs) ||
                                        {1'b0, b_token_q.block} >= 7'(SlabWidth)));
    assert (!run_valid_q || (7'(fv_run_ones) == run_count_q && run_slab_q != '0));
    assert (!(run_valid_q && !b_valid_q) || 26'(run_slab_q) == b_token_q.slab);
    assert (!(run_valid_q && b_valid_q && b_same_q) || 26'(run_slab_q) == b_token_q.slab);
    assert (!(run_valid_q && b_valid_q && b_same_q && !b_range_q) ||
            b_double_q == run_mask_q[b_token_q.block[BlockW-1:0]]);
    assert (!o_new_q || (o_valid_q && !o_repeat_q));
    assert (!o_valid_q || o_repeat_q || 7'(fv_send_size) == o_count_q);
    assert (!r_valid_q || 7'(fv_r_ones) == r_count_q);
    // No token of slab 0 came so far.
    assert (!(o_valid_q && !o_repeat_q && !o_own_q) || {o_slab_q, o_bank_q} != '0);
    assert (!(r_valid_q && !r_own_q) || {r_slab_q, r_bank_q} != '0);
    assert (walk_q == WkIdle || {walk_slab_q, walk_bank_q} != '0);
    assert (walk_q <= WkError);
    assert (walk_q == WkIdle || (7'(fv_walk_ones) == walk_left_q &&
                                 fv_walk_mask[2*SlabWidth-1:SlabWidth] == '0));
    assert (!(walk_q == WkError || (walk_alone_q && walk_q != WkIdle)) ||
            walk_status_q != exalloc_pkg::StatusOk);
    assert (walk_q == WkIdle || walk_q == WkScan || walk_mask_q[0]);
    assert (!(walk_alone_q && walk_q != WkIdle) ||
            ((walk_q == WkScan && walk_left_q <= 7'd1) || (walk_q == WkError && walk_left_q == 7'd1)));
    assert ((walk_q == WkWait) == ((o_valid_q && o_repeat_q) || fv_repeat_q) &&
            !(o_valid_q && o_repeat_q && fv_repeat_q));
    assert (!(o_valid_q && o_repeat_q) || ({o_slab_q, o_bank_q} == {walk_slab_q, walk_bank_q} &&
                                           o_mask_q == SlabWidth'(1) << walk_block_q));
    assert (!fv_repeat_q || (fv_repeat_bank_q == walk_bank_q && fv_repeat_hit_q == fv_walk_bit));
    assert (due_q || (wait_q == fv_wait_q && wait_q <= 4'd13));
  end
end
