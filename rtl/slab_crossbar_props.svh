// No operation is lost, doubled, altered or sent to the wrong bank, and every answer finds its requester, for scripts/prove.
// Written for two ports and two banks.
//
//@ proof full induction 2 sat,z3 NumPorts=2 NumBanks=2 NumSlabs=4 SlabWidth=8 DomainW=1 SlotW=1 -DFV_PORT=1 -DFV_BANK=0
//@ delivered: a bank gets exactly the operations sent to it, unchanged, those of one requester in the order they were sent
//@ wrong: s/grant_q     <= grant\[b\*NumPorts \+: NumPorts\]/grant_q <= {NumPorts{1'b1}}/
//@ none_lost: what a requester sent to a bank and the bank has not taken is inside exactly once, with the requester in its tag
//@ wrong: s/grant_idx_q <= grant_idx;/grant_idx_q <= '0;/
//@ answers: an answer goes to the requester its tag names, in the next cycle, to no other; the quarter and its bits make up the mask
//@ wrong: s/filled\[3\] \|\| filled\[1\]\}/filled[3]}/
//@ fast_form: EXALLOC_FAST_SIM finds the same wishes, sends the same operations and finds the same requesters
//@ wrong: s/head_valid\[p\] && room_q && /room_q \&\& /
//
//@ see fv_queue00 g_bank[0].u_lane.queue[0]
//@ see fv_queue01 g_bank[0].u_lane.queue[1]
//@ see fv_queue02 g_bank[0].u_lane.queue[2]
//@ see fv_queue03 g_bank[0].u_lane.queue[3]
//@ see fv_read0 g_bank[0].u_lane.read_q
//@ see fv_queued0 g_bank[0].u_lane.queued_q
//@ see fv_granted0 g_bank[0].granted_q
//@ see fv_index0 g_bank[0].grant_idx_q
//@ see fv_grant0 g_bank[0].grant_q
//@ see fv_queue10 g_bank[1].u_lane.queue[0]
//@ see fv_queue11 g_bank[1].u_lane.queue[1]
//@ see fv_queue12 g_bank[1].u_lane.queue[2]
//@ see fv_queue13 g_bank[1].u_lane.queue[3]
//@ see fv_read1 g_bank[1].u_lane.read_q
//@ see fv_queued1 g_bank[1].u_lane.queued_q
//@ see fv_granted1 g_bank[1].granted_q
//@ see fv_index1 g_bank[1].grant_idx_q
//@ see fv_grant1 g_bank[1].grant_q
//@ see fv_skid_valid0 g_port[0].u_skid.skid_valid_q
//@ see fv_skid0 g_port[0].u_skid.skid_q
//@ see fv_skid_valid1 g_port[1].u_skid.skid_valid_q
//@ see fv_skid1 g_port[1].u_skid.skid_q
//@ see fv_write0 g_bank[0].u_lane.write_q
//@ see fv_used0 g_bank[0].u_lane.used_q
//@ see fv_room0 g_bank[0].room_q
//@ see fv_write1 g_bank[1].u_lane.write_q
//@ see fv_used1 g_bank[1].u_lane.used_q
//@ see fv_room1 g_bank[1].room_q
//@ see fv_skid_ready0 g_port[0].u_skid.ready_q
//@ see fv_skid_ready1 g_port[1].u_skid.ready_q
//@ see fv_want0 g_bank[0].want
//@ see fv_want1 g_bank[1].want
//@ see fv_selected0 g_bank[0].selected
//@ see fv_selected1 g_bank[1].selected
localparam int unsigned FvLaneW = OpW + PortW;
(* keep, anyseq *) logic [FvLaneW-1:0] fv_queue00, fv_queue01, fv_queue02, fv_queue03;
(* keep, anyseq *) logic [FvLaneW-1:0] fv_queue10, fv_queue11, fv_queue12, fv_queue13;
(* keep, anyseq *) logic [1:0] fv_read0, fv_read1, fv_write0, fv_write1;
(* keep, anyseq *) logic [2:0] fv_queued0, fv_queued1, fv_used0, fv_used1;
(* keep, anyseq *) logic fv_granted0, fv_granted1, fv_room0, fv_room1;
(* keep, anyseq *) logic [PortW-1:0] fv_index0, fv_index1;
(* keep, anyseq *) logic [1:0] fv_grant0, fv_grant1;
(* keep, anyseq *) logic fv_skid_valid0, fv_skid_valid1, fv_skid_ready0, fv_skid_ready1;
(* keep, anyseq *) logic [BankW+OpW-1:0] fv_skid0, fv_skid1;

// Any one pair of port and bank: how many operations are under way between the two, and of one of them, any one, what it is and
// how many are ahead of it.
localparam int unsigned fv_p = `FV_PORT, fv_b = `FV_BANK;
(* keep, anyseq *) logic fv_pick;
logic fv_put, fv_get, fv_live_q, fv_live_d, fv_right, fv_there;
logic [OpW-1:0] fv_in, fv_out, fv_data_q, fv_data_d;
logic [2:0] fv_count_q, fv_count_d, fv_ahead_q, fv_ahead_d, fv_found;
always_comb begin
  fv_in = {req_op_i[fv_p*3 +: 3], req_list_i[fv_p*8 +: 8], req_domain_i[fv_p*DomainW +: DomainW],
           req_slab_i[fv_p*SlabW +: SlabW], req_limit_i[fv_p*LimitW +: LimitW],
           req_mask_i[fv_p*SlabWidth +: SlabWidth], req_slot_i[fv_p*SlotW +: SlotW]};
  fv_out = {bank_req_op_o[fv_b*3 +: 3], bank_req_list_o[fv_b*8 +: 8], bank_req_domain_o[fv_b*DomainW +: DomainW],
            bank_req_slab_o[fv_b*SlabW +: SlabW], bank_req_limit_o[fv_b*LimitW +: LimitW],
            bank_req_mask_o[fv_b*SlabWidth +: SlabWidth], bank_req_tag_o[fv_b*TagW +: SlotW]};
  fv_put = req_valid_i[fv_p] && req_ready_o[fv_p] && req_bank_i[fv_p] == fv_b;
  fv_get = bank_req_valid_o[fv_b] && bank_req_ready_i[fv_b] && bank_req_tag_o[fv_b*TagW+SlotW +: PortW] == fv_p;
  fv_count_d = fv_count_q - 3'(fv_get);
  fv_ahead_d = fv_ahead_q - 3'(fv_get);
  fv_live_d  = fv_live_q && !(fv_get && fv_ahead_q == 3'd0);
  fv_data_d  = fv_data_q;
  if (fv_put && fv_pick && !fv_live_q) begin
    fv_live_d  = 1'b1;
    fv_data_d  = fv_in;
    fv_ahead_d = fv_count_d;
  end
  fv_count_d = fv_count_d + 3'(fv_put);
  fv_right   = !fv_get || (fv_count_q != 3'd0 && !(fv_live_q && fv_ahead_q == 3'd0 && fv_out != fv_data_q));
end
always_ff @(posedge clk_i) begin
  fv_count_q <= rst_i ? 3'd0 : fv_count_d;
  fv_live_q  <= !rst_i && fv_live_d;
  fv_ahead_q <= fv_ahead_d;
  fv_data_q  <= fv_data_d;
end

// The same, from where they are: the lane's output and queue, the multiplexer, the port's buffer, oldest first
logic [7:0] fv_is;
logic [8*OpW-1:0] fv_ops;
logic [4*FvLaneW-1:0] fv_queue;
logic [1:0] fv_read, fv_row;
logic [2:0] fv_queued;
always_comb begin
  fv_queue  = fv_b ? {fv_queue13, fv_queue12, fv_queue11, fv_queue10} : {fv_queue03, fv_queue02, fv_queue01, fv_queue00};
  fv_read   = fv_b ? fv_read1 : fv_read0;
  fv_queued = fv_b ? fv_queued1 : fv_queued0;
  fv_is[0]  = bank_req_valid_o[fv_b] && bank_req_tag_o[fv_b*TagW+SlotW +: PortW] == fv_p;
  fv_ops[0 +: OpW] = fv_out;
  for (int unsigned i = 0; i < 4; i++) begin
    fv_row = fv_read + 2'(i);
    fv_is[i+1] = 3'(i) < fv_queued && fv_queue[fv_row*FvLaneW+OpW +: PortW] == fv_p;
    fv_ops[(i+1)*OpW +: OpW] = fv_queue[fv_row*FvLaneW +: OpW];
  end
  fv_is[5] = (fv_b ? fv_granted1 && fv_index1 == fv_p : fv_granted0 && fv_index0 == fv_p);
  fv_ops[5*OpW +: OpW] = sent_q[fv_p*OpW +: OpW];
  fv_is[6] = head_valid[fv_p] && head_bank[fv_p] == fv_b;
  fv_ops[6*OpW +: OpW] = head_op[fv_p*OpW +: OpW];
  fv_is[7] = (fv_p ? fv_skid_valid1 && fv_skid1[OpW] == fv_b : fv_skid_valid0 && fv_skid0[OpW] == fv_b);
  fv_ops[7*OpW +: OpW] = fv_p ? fv_skid1[OpW-1:0] : fv_skid0[OpW-1:0];
  fv_found = 3'd0;
  fv_there = !fv_live_q;
  for (int unsigned i = 0; i < 8; i++) begin
    if (fv_is[i] && fv_found == fv_ahead_q && fv_ops[i*OpW +: OpW] == fv_data_q) fv_there = 1'b1;
    fv_found = fv_found + 3'(fv_is[i]);
  end
end

// The banks answer with blocks of one quarter; what they said a cycle ago
logic [NumBanks-1:0] fv_rsp_q;
logic [NumBanks*TagW-1:0] fv_rsp_tag_q;
logic [NumBanks*SlabWidth-1:0] fv_rsp_mask_q, fv_unfolded;
logic [NumBanks*SlabW-1:0] fv_rsp_slab_q;
logic [NumBanks*4-1:0] fv_rsp_status_q;
logic [3:0] fv_answered;
always_ff @(posedge clk_i) begin
  fv_rsp_q        <= bank_rsp_valid_i & {NumBanks{!rst_i}};
  fv_rsp_tag_q    <= bank_rsp_tag_i;
  fv_rsp_mask_q   <= bank_rsp_mask_i;
  fv_rsp_slab_q   <= bank_rsp_slab_i;
  fv_rsp_status_q <= bank_rsp_status_i;
end
logic [NumBanks*4-1:0] fv_quarters;
always_comb begin
  for (int unsigned b = 0; b < NumBanks; b++) begin
    for (int unsigned q = 0; q < 4; q++) begin
      fv_quarters[b*4+q] = bank_rsp_mask_i[b*SlabWidth+q*QuarterW +: QuarterW] != '0;
      fv_unfolded[b*SlabWidth+q*QuarterW +: QuarterW] =
          rsp_quarter_o[b*2 +: 2] == 2'(q) ? rsp_bits_o[b*QuarterW +: QuarterW] : '0;
    end
    assume ((fv_quarters[b*4 +: 4] & (fv_quarters[b*4 +: 4] - 4'd1)) == 4'd0);
    for (int unsigned p = 0; p < 2; p++) begin
      fv_answered[p*2+b] = rsp_valid_o[p*NumBanks+b] ==
          (fv_rsp_q[b] && fv_rsp_tag_q[b*TagW+SlotW +: PortW] == PortW'(p)) &&
          (!rsp_valid_o[p*NumBanks+b] ||
           (rsp_slot_o[b*SlotW +: SlotW] == fv_rsp_tag_q[b*TagW +: SlotW] &&
            rsp_slab_o[b*SlabW +: SlabW] == fv_rsp_slab_q[b*SlabW +: SlabW] &&
            rsp_status_o[b*4 +: 4] == fv_rsp_status_q[b*4 +: 4] &&
            fv_unfolded[b*SlabWidth +: SlabWidth] == fv_rsp_mask_q[b*SlabWidth +: SlabWidth]));
    end
  end
end

// The second form of the loops over ports
logic [NumBanks*NumPorts-1:0] fv_wants, fv_asked;
logic [NumPorts*NumBanks-1:0] fv_answers, fv_answers_q;
logic [NumBanks-1:0] fv_selects;
(* keep, anyseq *) logic [1:0] fv_want0, fv_want1;
(* keep, anyseq *) logic [OpW-1:0] fv_selected0, fv_selected1;
always_comb begin
  fv_wants = '0;
  for (int unsigned p = 0; p < NumPorts; p++) begin
    if (head_valid[p]) fv_wants[head_bank[p*BankW +: BankW]*NumPorts+p] = 1'b1;
  end
  fv_answers = '0;
  for (int unsigned b = 0; b < NumBanks; b++) begin
    if (bank_rsp_valid_i[b]) fv_answers[bank_rsp_tag_i[b*TagW+SlotW +: PortW]*NumBanks+b] = 1'b1;
  end
  fv_asked = fv_wants & {{NumPorts{fv_room1}}, {NumPorts{fv_room0}}};
  fv_selects[0] = fv_selected0 == (fv_grant0 != '0 ? sent_q[fv_index0*OpW +: OpW] : '0);
  fv_selects[1] = fv_selected1 == (fv_grant1 != '0 ? sent_q[fv_index1*OpW +: OpW] : '0);
end
always_ff @(posedge clk_i) fv_answers_q <= rst_i ? '0 : fv_answers;

always_comb begin
  if (fv_run_q) begin
    fast_form: assert ({fv_want1, fv_want0} == fv_asked && rsp_valid_o == fv_answers_q && (&fv_selects));
    assert (fv_grant0 == '0 || fv_grant0 == 2'd1 << fv_index0);
    assert (fv_grant1 == '0 || fv_grant1 == 2'd1 << fv_index1);
    delivered: assert (fv_right);
    none_lost: assert (fv_found == fv_count_q && (!fv_live_q || fv_ahead_q < fv_count_q));
    answers: assert (&fv_answered);
    assert (fv_there && fv_count_q <= 3'd6);
    // Lanes and ports' buffers
    assert (!fv_granted0 || fv_grant0 == 2'd1 << fv_index0);
    assert (!fv_granted1 || fv_grant1 == 2'd1 << fv_index1);
    assert (fv_used0 == fv_queued0 + 3'(bank_req_valid_o[0]) + 3'(fv_granted0) && fv_used0 <= 3'd4);
    assert (fv_used1 == fv_queued1 + 3'(bank_req_valid_o[1]) + 3'(fv_granted1) && fv_used1 <= 3'd4);
    assert (!(fv_room0 && fv_used0[2]) && !(fv_room1 && fv_used1[2]));
    assert (fv_queued0 <= 3'd3 && fv_queued0[1:0] == fv_write0 - fv_read0 && (fv_queued0 == 3'd0 || bank_req_valid_o[0]));
    assert (fv_queued1 <= 3'd3 && fv_queued1[1:0] == fv_write1 - fv_read1 && (fv_queued1 == 3'd0 || bank_req_valid_o[1]));
    assert (!fv_skid_valid0 || (head_valid[0] && !fv_skid_ready0));
    assert (!fv_skid_valid1 || (head_valid[1] && !fv_skid_ready1));
  end
end
