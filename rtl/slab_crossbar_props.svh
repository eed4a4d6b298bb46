// No operation is lost, doubled or sent to the wrong bank, and every answer finds its requester, for scripts/prove. Written
// for two ports and two banks.
//
//@ proof short induction 2 sat,z3 NumPorts=2 NumBanks=2 NumSlabs=4 SlabWidth=8 DomainW=1 SlotW=1 +u_lane:crossbar_lane +u_skid:skid_buffer
//@ delivered: a bank gets exactly the operations sent to it, unchanged, those of one requester in the order they were sent
//@ wrong: s/grant_q     <= grant\[b\*NumPorts \+: NumPorts\]/grant_q <= {NumPorts{1'b1}}/
//@ tagged: the tag says which requester an operation came from
//@ wrong: s/grant_idx_q <= grant_idx;/grant_idx_q <= '0;/
//@ answers: an answer goes to the requester its tag names, in the next cycle, to no other; the quarter and its bits make up the mask
//@ wrong: s/filled\[3\] \|\| filled\[1\]\}/filled[3]}/
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
localparam int unsigned FvLaneW = OpW + PortW;
(* anyseq *) logic [FvLaneW-1:0] fv_queue00, fv_queue01, fv_queue02, fv_queue03;
(* anyseq *) logic [FvLaneW-1:0] fv_queue10, fv_queue11, fv_queue12, fv_queue13;
(* anyseq *) logic [1:0] fv_read0, fv_read1;
(* anyseq *) logic [2:0] fv_queued0, fv_queued1;
(* anyseq *) logic fv_granted0, fv_granted1;
(* anyseq *) logic [PortW-1:0] fv_index0, fv_index1;
(* anyseq *) logic [1:0] fv_grant0, fv_grant1;
(* anyseq *) logic fv_skid_valid0, fv_skid_valid1;
(* anyseq *) logic [BankW+OpW-1:0] fv_skid0, fv_skid1;
logic [8*FvLaneW-1:0] fv_queue;
assign fv_queue = {fv_queue13, fv_queue12, fv_queue11, fv_queue10, fv_queue03, fv_queue02, fv_queue01, fv_queue00};

// For each pair of port and bank: the operations sent and not yet taken by the bank, the oldest first; of each operation one
// bit, any one (all bits of an operation take the same way).
localparam int unsigned FvRows = 8;
logic [7:0] fv_bit_q;
always_ff @(posedge clk_i) fv_bit_q <= fv_bit_q;
always_comb assume (32'(fv_bit_q) < OpW);
function automatic logic picked(input logic [OpW-1:0] op, input logic [7:0] which);
  logic [OpW-1:0] shifted;
  shifted = op >> which;
  picked = shifted[0];
endfunction
logic [3:0] fv_put, fv_get, fv_right, fv_fits, fv_tag, fv_answered;
for (genvar p = 0; p < 2; p++) begin : g_fv_port
  for (genvar b = 0; b < 2; b++) begin : g_fv_bank
    logic [FvRows-1:0] sent_now_q, sent_now_d, inside;
    logic [3:0] count_q, count_d, found;
    logic [OpW-1:0] out;
    logic [FvLaneW-1:0] entry;
    logic [2:0] row;
    assign fv_put[p*2+b] = req_valid_i[p] && req_ready_o[p] && req_bank_i[p*BankW +: BankW] == BankW'(b);
    assign fv_get[p*2+b] = bank_req_valid_o[b] && bank_req_ready_i[b] &&
                           bank_req_tag_o[b*TagW+SlotW +: PortW] == PortW'(p);
    assign out = {bank_req_op_o[b*3 +: 3], bank_req_list_o[b*8 +: 8], bank_req_domain_o[b*DomainW +: DomainW],
                  bank_req_slab_o[b*SlabW +: SlabW], bank_req_limit_o[b*LimitW +: LimitW],
                  bank_req_mask_o[b*SlabWidth +: SlabWidth], bank_req_tag_o[b*TagW +: SlotW]};
    always_comb begin
      sent_now_d = sent_now_q;
      count_d    = count_q;
      if (fv_get[p*2+b]) begin
        sent_now_d = sent_now_d >> 1;
        count_d    = count_d - 4'd1;
      end
      if (fv_put[p*2+b]) begin
        for (int unsigned i = 0; i < FvRows; i++) begin
          if (count_d == 4'(i)) begin
            sent_now_d[i] = picked({req_op_i[p*3 +: 3], req_list_i[p*8 +: 8],
                req_domain_i[p*DomainW +: DomainW], req_slab_i[p*SlabW +: SlabW],
                req_limit_i[p*LimitW +: LimitW], req_mask_i[p*SlabWidth +: SlabWidth],
                req_slot_i[p*SlotW +: SlotW]}, fv_bit_q);
          end
        end
        count_d = count_d + 4'd1;
      end
      // The same, collected from where they are: the lane's output and queue, the multiplexer, the port's buffer
      inside = '0;
      found  = 4'd0;
      if (bank_req_valid_o[b] && bank_req_tag_o[b*TagW+SlotW +: PortW] == PortW'(p)) begin
        inside[0] = picked(out, fv_bit_q);
        found = 4'd1;
      end
      for (int unsigned i = 0; i < 4; i++) begin
        row   = {1'(b), (b == 0 ? fv_read0 : fv_read1) + 2'(i)};
        entry = fv_queue[row*FvLaneW +: FvLaneW];
        if (3'(i) < (b == 0 ? fv_queued0 : fv_queued1) && entry[OpW +: PortW] == PortW'(p)) begin
          for (int unsigned k = 0; k < FvRows; k++) begin
            if (found == 4'(k)) inside[k] = picked(entry[OpW-1:0], fv_bit_q);
          end
          found = found + 4'd1;
        end
      end
      if ((b == 0 ? fv_granted0 : fv_granted1) && (b == 0 ? fv_index0 : fv_index1) == PortW'(p)) begin
        for (int unsigned k = 0; k < FvRows; k++) begin
          if (found == 4'(k)) inside[k] = picked(sent_q[p*OpW +: OpW], fv_bit_q);
        end
        found = found + 4'd1;
      end
      if (head_valid[p] && head_bank[p*BankW +: BankW] == BankW'(b)) begin
        for (int unsigned k = 0; k < FvRows; k++) begin
          if (found == 4'(k)) inside[k] = picked(head_op[p*OpW +: OpW], fv_bit_q);
        end
        found = found + 4'd1;
      end
      if ((p == 0 ? fv_skid_valid0 : fv_skid_valid1) &&
          (p == 0 ? fv_skid0[OpW +: BankW] : fv_skid1[OpW +: BankW]) == BankW'(b)) begin
        for (int unsigned k = 0; k < FvRows; k++) begin
          if (found == 4'(k)) inside[k] = picked(p == 0 ? fv_skid0[OpW-1:0] : fv_skid1[OpW-1:0], fv_bit_q);
        end
        found = found + 4'd1;
      end
      fv_fits[p*2+b] = found == count_q && count_q <= 4'(FvRows);
      for (int unsigned k = 0; k < FvRows; k++) begin
        if (4'(k) < count_q && inside[k] != sent_now_q[k]) fv_fits[p*2+b] = 1'b0;
      end
      fv_right[p*2+b] = !fv_get[p*2+b] || (count_q != 4'd0 && picked(out, fv_bit_q) == sent_now_q[0]);
      fv_tag[p*2+b]   = !bank_req_valid_o[b] || bank_req_tag_o[b*TagW+SlotW +: PortW] != PortW'(p) || count_q != 4'd0;
    end
    always_ff @(posedge clk_i) begin
      sent_now_q <= sent_now_d;
      count_q    <= rst_i ? 4'd0 : count_d;
    end
  end
end

// The banks answer with blocks of one quarter; what they said a cycle ago
logic [NumBanks-1:0] fv_rsp_q;
logic [NumBanks*TagW-1:0] fv_rsp_tag_q;
logic [NumBanks*SlabWidth-1:0] fv_rsp_mask_q, fv_unfolded;
logic [NumBanks*SlabW-1:0] fv_rsp_slab_q;
logic [NumBanks*4-1:0] fv_rsp_status_q;
logic fv_seen_q;
always_ff @(posedge clk_i) begin
  fv_rsp_q        <= bank_rsp_valid_i & {NumBanks{!rst_i}};
  fv_rsp_tag_q    <= bank_rsp_tag_i;
  fv_rsp_mask_q   <= bank_rsp_mask_i;
  fv_rsp_slab_q   <= bank_rsp_slab_i;
  fv_rsp_status_q <= bank_rsp_status_i;
  fv_seen_q       <= 1'b1;
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

always_comb begin
  if (fv_run_q) begin
    delivered: assert (&fv_right);
    tagged: assert (&fv_tag);
    answers: assert (&fv_answered);
    assert (&fv_fits);
    assert (!fv_granted0 || fv_grant0 == 2'd1 << fv_index0);
    assert (!fv_granted1 || fv_grant1 == 2'd1 << fv_index1);
  end
end
