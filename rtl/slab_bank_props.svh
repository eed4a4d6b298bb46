// What a slab bank promises, for scripts/prove: an observer that sees only requests and answers keeps a record of who owns
// which slab and which blocks are out; every answer, and the memories, must agree with it.
//
// Searched here from power-up, where reset sweep, OPEN and LINK take 25 of the cycles: refused, empty, order, status and answered
// hold too, but what would break them shows only later. Their wrong designs, and those of the rest again, are caught from a
// state that has the beginning behind it: slab_bank_started_props.svh.
//
//@ proof full bounded 28 bmc3,sat@12 UseUram=0 NumSlabs=4 SlabWidth=8 NumLists=2 DomainW=1 TagW=1
//@ two_hands: no block is handed out that is out already, does not exist, or is of a slab the list does not own
//@ wrong slab_bank_order: s/clear_quarter = grant_ok_o \? quarter_o : 4'd0/clear_quarter = 4'd0/
//@ total: free blocks and blocks that are out are together all blocks, in every slab, whatever was answered
//@ wrong slab_bank_words: s/ex_mask  = ex_word_mask_i \| ex_bits_i/ex_mask  = ex_word_mask_i | (ex_bits_i \& ~8'h80)/
//@ domains: blocks of a list move only for an operation that names its list, grants and releases only with its domain
//@ wrong slab_bank_check: s/else if \(!own_domain\) fw_status_o = exalloc_pkg::StatusDomain;//
//
//@ see u_issue.fv_replays replay
//@ see u_issue.fv_writes ex_usable_q
//@ see u_issue.fv_fetch fv_busy
//@ see fv_word0 u_words.u_masks.gen_single.gen_any.mem[0]
//@ see fv_word1 u_words.u_masks.gen_single.gen_any.mem[1]
//@ see fv_word2 u_words.u_masks.gen_single.gen_any.mem[2]
//@ see fv_word3 u_words.u_masks.gen_single.gen_any.mem[3]
//@ see fv_wb_write u_words.wb_write_q
//@ see fv_wb_slab u_words.wb_slab_q
//@ see fv_wb_mask u_words.wb_mask_q
//@ see fv_wb_owner u_words.wb_owner_q

// ------------------------------------------------------------------------------------------------
// Requests not yet answered
localparam int unsigned FvRows = 16;
localparam int unsigned FvW = OpW + BitW;
logic [FvRows*FvW-1:0] fv_ring_q;
logic [4:0] fv_in_q, fv_out_q;
op_t fv_req, fv_ans_q;
logic [BitW-1:0] fv_req_limit, fv_limit_q;
logic fv_answer_q;  // an operation was committed a cycle ago: the answer is there
always_comb begin
  fv_req = '0;
  fv_req_limit = '0;
  for (int unsigned i = 0; i < FvRows; i++) begin
    if (fv_out_q[3:0] == 4'(i)) {fv_req, fv_req_limit} = fv_ring_q[i*FvW +: FvW];
  end
end
always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < FvRows; i++) begin
    if (req_valid_i && req_ready_o && fv_in_q[3:0] == 4'(i)) begin
      fv_ring_q[i*FvW +: FvW] <= {req, req_limit_i};
    end
  end
  fv_ans_q    <= fv_req;
  fv_limit_q  <= fv_req_limit;
  fv_answer_q <= commit && !rst_i;
  if (rst_i) begin
    fv_in_q  <= '0;
    fv_out_q <= '0;
  end else begin
    if (req_valid_i && req_ready_o) fv_in_q <= fv_in_q + 5'd1;
    if (commit) fv_out_q <= fv_out_q + 5'd1;
  end
end

// ------------------------------------------------------------------------------------------------
// The record. fv_above[i*NumSlabs+j]: slab i entered its order after slab j.
localparam int unsigned FvLists = NumUsable;
logic [NumSlabs-1:0] fv_owned_q, fv_linked_q, fv_owned_d, fv_linked_d;
logic [NumSlabs*8-1:0] fv_owner_q, fv_owner_d;
logic [NumSlabs*SlabWidth-1:0] fv_exist_q, fv_exist_d, fv_out_mask_q, fv_out_mask_d, fv_free;
logic [NumSlabs*NumSlabs-1:0] fv_above_q, fv_above_d;
logic [FvLists-1:0] fv_open_q, fv_open_d;
logic [FvLists*DomainW-1:0] fv_domain_q, fv_domain_d;

logic fv_ok, fv_is_open, fv_usable, fv_list_free, fv_same_domain, fv_own, fv_push, fv_take;
logic [AddrW-1:0] fv_at;
logic [SlabWidth-1:0] fv_at_exist, fv_at_out, fv_at_free, fv_first, fv_head_mask;
logic [NumSlabs-1:0] fv_of_list, fv_head;
logic [3:0] fv_status_d;
assign fv_free = fv_exist_q & ~fv_out_mask_q;
always_comb begin
  fv_ok     = rsp_status_o == exalloc_pkg::StatusOk;
  fv_usable = 32'(fv_ans_q.list_id) < NumUsable;
  fv_is_open = 1'b0;
  fv_same_domain = 1'b0;
  for (int unsigned l = 0; l < FvLists; l++) begin
    if (32'(fv_ans_q.list_id) == l) begin
      fv_is_open = fv_open_q[l];
      fv_same_domain = fv_domain_q[l*DomainW +: DomainW] == fv_ans_q.domain;
    end
  end
  // The slab the answer is about, and the head of the list
  fv_at = rsp_slab_o;
  if (fv_ans_q.op != exalloc_pkg::BankOpGrant && fv_ans_q.op != exalloc_pkg::BankOpTrim) begin
    fv_at = fv_ans_q.slab;
  end
  fv_at_exist = '0;
  fv_at_out   = '0;
  fv_own      = 1'b0;
  fv_take     = 1'b0;
  fv_head_mask = '0;
  for (int unsigned s = 0; s < NumSlabs; s++) begin
    fv_of_list[s] = fv_linked_q[s] && fv_owner_q[s*8 +: 8] == fv_ans_q.list_id;
  end
  for (int unsigned s = 0; s < NumSlabs; s++) begin
    fv_head[s] = fv_of_list[s];
    for (int unsigned r = 0; r < NumSlabs; r++) begin
      if (r != s && fv_of_list[r] && fv_above_q[r*NumSlabs+s]) fv_head[s] = 1'b0;
    end
    if (fv_at == AddrW'(s)) begin
      fv_at_exist = fv_exist_q[s*SlabWidth +: SlabWidth];
      fv_at_out   = fv_out_mask_q[s*SlabWidth +: SlabWidth];
      fv_own      = fv_owned_q[s] && fv_owner_q[s*8 +: 8] == fv_ans_q.list_id;
      fv_take     = fv_head[s];
    end
    if (fv_head[s]) fv_head_mask = fv_free[s*SlabWidth +: SlabWidth];
  end
  fv_at_free = fv_at_exist & ~fv_at_out;
  fv_first   = '0;  // the first quarter of the head with a free block
  for (int unsigned q = 4; q > 0; q--) begin
    if (fv_head_mask[(q-1)*QuarterW +: QuarterW] != '0) begin
      fv_first = '0;
      fv_first[(q-1)*QuarterW +: QuarterW] = fv_head_mask[(q-1)*QuarterW +: QuarterW];
    end
  end

  // What the specification answers
  fv_status_d = exalloc_pkg::StatusOk;
  fv_list_free = fv_of_list != '0;
  case (fv_ans_q.op)
    exalloc_pkg::BankOpGrant:
      fv_status_d = !fv_is_open ? exalloc_pkg::StatusBadList :
                    !fv_same_domain ? exalloc_pkg::StatusDomain :
                    !fv_list_free ? exalloc_pkg::StatusEmpty : exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpRelease:
      fv_status_d = !fv_is_open ? exalloc_pkg::StatusBadList :
                    !fv_same_domain ? exalloc_pkg::StatusDomain :
                    !fv_own ? exalloc_pkg::StatusForeign :
                    fv_ans_q.bits == '0 || (fv_ans_q.bits & ~fv_at_exist) != '0 ?
                        exalloc_pkg::StatusRange :
                    (fv_ans_q.bits & ~fv_at_out) != '0 ? exalloc_pkg::StatusDoubleFree :
                    exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpLink:
      fv_status_d = !fv_is_open ? exalloc_pkg::StatusBadList :
                    fv_at_exist != '0 ? exalloc_pkg::StatusSlabInUse : exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpTrim:
      fv_status_d = !fv_is_open ? exalloc_pkg::StatusBadList :
                    !fv_list_free || fv_head_mask != '1 ? exalloc_pkg::StatusEmpty :
                    exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpOpen:
      fv_status_d = fv_usable && !fv_is_open ? exalloc_pkg::StatusOk : exalloc_pkg::StatusBadList;
    exalloc_pkg::BankOpClose:
      fv_status_d = fv_is_open ? exalloc_pkg::StatusOk : exalloc_pkg::StatusBadList;
    exalloc_pkg::BankOpUnlink:
      fv_status_d = !fv_usable || fv_is_open ? exalloc_pkg::StatusBadList :
                    !fv_own ? exalloc_pkg::StatusForeign : exalloc_pkg::StatusOk;
    default: fv_status_d = exalloc_pkg::StatusBadCommand;
  endcase

  // The record after the answer
  fv_owned_d    = fv_owned_q;
  fv_owner_d    = fv_owner_q;
  fv_linked_d   = fv_linked_q;
  fv_exist_d    = fv_exist_q;
  fv_out_mask_d = fv_out_mask_q;
  fv_above_d    = fv_above_q;
  fv_open_d     = fv_open_q;
  fv_domain_d   = fv_domain_q;
  fv_push       = 1'b0;
  if (fv_answer_q && fv_ok) begin
    for (int unsigned s = 0; s < NumSlabs; s++) begin
      if (fv_at == AddrW'(s)) begin
        case (fv_ans_q.op)
          exalloc_pkg::BankOpGrant: begin
            fv_out_mask_d[s*SlabWidth +: SlabWidth] = fv_at_out | rsp_mask_o;
            if ((fv_at_free & ~rsp_mask_o) == '0) fv_linked_d[s] = 1'b0;
          end
          exalloc_pkg::BankOpRelease: begin
            fv_out_mask_d[s*SlabWidth +: SlabWidth] = fv_at_out & ~fv_ans_q.bits;
            fv_push = fv_at_free == '0;
          end
          exalloc_pkg::BankOpLink: begin
            fv_owned_d[s] = 1'b1;
            fv_owner_d[s*8 +: 8] = fv_ans_q.list_id;
            for (int unsigned b = 0; b < SlabWidth; b++) begin
              fv_exist_d[s*SlabWidth+b] = BitW'(b) <= fv_limit_q;
            end
            fv_out_mask_d[s*SlabWidth +: SlabWidth] = '0;
            fv_push = 1'b1;
          end
          exalloc_pkg::BankOpTrim, exalloc_pkg::BankOpUnlink: begin
            fv_owned_d[s]  = 1'b0;
            fv_linked_d[s] = 1'b0;
            fv_exist_d[s*SlabWidth +: SlabWidth] = '0;
            fv_out_mask_d[s*SlabWidth +: SlabWidth] = '0;
          end
          default: ;
        endcase
        if (fv_push) begin
          fv_linked_d[s] = 1'b1;
          for (int unsigned r = 0; r < NumSlabs; r++) begin
            fv_above_d[s*NumSlabs+r] = 1'b1;
            fv_above_d[r*NumSlabs+s] = 1'b0;
          end
        end
        fv_push = 1'b0;
      end
    end
    for (int unsigned l = 0; l < FvLists; l++) begin
      if (32'(fv_ans_q.list_id) == l && fv_ans_q.op == exalloc_pkg::BankOpOpen) begin
        fv_open_d[l] = 1'b1;
        fv_domain_d[l*DomainW +: DomainW] = fv_ans_q.domain;
      end
      if (32'(fv_ans_q.list_id) == l && fv_ans_q.op == exalloc_pkg::BankOpClose) fv_open_d[l] = 1'b0;
    end
    if (fv_ans_q.op == exalloc_pkg::BankOpOpen || fv_ans_q.op == exalloc_pkg::BankOpClose) begin
      fv_linked_d = fv_linked_q & ~fv_of_list;
    end
  end
end
always_ff @(posedge clk_i) begin
  fv_owned_q    <= rst_i ? '0 : fv_owned_d;
  fv_owner_q    <= fv_owner_d;
  fv_linked_q   <= rst_i ? '0 : fv_linked_d;
  fv_exist_q    <= rst_i ? '0 : fv_exist_d;
  fv_out_mask_q <= rst_i ? '0 : fv_out_mask_d;
  fv_above_q    <= fv_above_d;
  fv_open_q     <= rst_i ? '0 : fv_open_d;
  fv_domain_q   <= fv_domain_d;
end

// ------------------------------------------------------------------------------------------------
// The memories, with the write that is on its way: owner and free mask of each slab after the answer now given
(* anyseq *) logic [SlabWidth+7:0] fv_word0, fv_word1, fv_word2, fv_word3;
(* anyseq *) logic fv_wb_write;
(* anyseq *) logic [AddrW-1:0] fv_wb_slab;
(* anyseq *) logic [SlabWidth-1:0] fv_wb_mask;
(* anyseq *) logic [7:0] fv_wb_owner;
logic [4*(SlabWidth+8)-1:0] fv_words, fv_words_q;
logic fv_swept_q;
logic [NumSlabs-1:0] fv_total, fv_moved;
localparam int unsigned FvWordW = SlabWidth + 8;
always_comb begin
  fv_words = {fv_word3, fv_word2, fv_word1, fv_word0};
  for (int unsigned s = 0; s < NumSlabs; s++) begin
    if (fv_wb_write && fv_wb_slab == AddrW'(s)) fv_words[s*FvWordW +: FvWordW] = {fv_wb_owner, fv_wb_mask};
    fv_total[s] = fv_words[s*FvWordW +: SlabWidth] ==
                      (fv_exist_d[s*SlabWidth +: SlabWidth] & ~fv_out_mask_d[s*SlabWidth +: SlabWidth]) &&
                  fv_words[s*FvWordW + SlabWidth +: 8] ==
                      (fv_owned_d[s] ? fv_owner_d[s*8 +: 8] : 8'(exalloc_pkg::MaxLists)) &&
                  (fv_out_mask_d[s*SlabWidth +: SlabWidth] & ~fv_exist_d[s*SlabWidth +: SlabWidth]) == '0;
    fv_moved[s] = fv_words[s*FvWordW +: FvWordW] != fv_words_q[s*FvWordW +: FvWordW];
  end
end
always_ff @(posedge clk_i) begin
  fv_words_q <= fv_words;
  fv_swept_q <= ready_o && !rst_i;
end

// A changed slab belongs, or belonged, to the list the answered operation names.
logic [NumSlabs-1:0] fv_stranger;
always_comb begin
  for (int unsigned s = 0; s < NumSlabs; s++) begin
    fv_stranger[s] = fv_moved[s] &&
                     (!fv_answer_q ||
                      (fv_owned_q[s] && fv_owner_q[s*8 +: 8] != fv_ans_q.list_id) ||
                      (fv_owned_d[s] && fv_owner_d[s*8 +: 8] != fv_ans_q.list_id) ||
                      ((fv_ans_q.op == exalloc_pkg::BankOpGrant ||
                        fv_ans_q.op == exalloc_pkg::BankOpRelease) && !fv_same_domain));
  end
end

always_comb begin
  if (fv_run_q && fv_answer_q && fv_ok && fv_ans_q.op == exalloc_pkg::BankOpGrant) begin
    two_hands: assert (rsp_mask_o != '0 && (rsp_mask_o & fv_at_out) == '0 &&
                       (rsp_mask_o & ~fv_at_exist) == '0 && fv_own);
  end
  if (fv_run_q && fv_swept_q && ready_o) begin
    total: assert (&fv_total);
    refused: assert (!(fv_answer_q && !fv_ok) || fv_moved == '0);
    domains: assert (fv_stranger == '0);
  end
  if (fv_run_q && fv_answer_q) begin
    empty: assert (!(fv_ans_q.op == exalloc_pkg::BankOpGrant &&
                     rsp_status_o == exalloc_pkg::StatusEmpty && fv_of_list != '0));
    order: assert (!((fv_ans_q.op == exalloc_pkg::BankOpGrant ||
                      fv_ans_q.op == exalloc_pkg::BankOpTrim) && fv_ok) ||
                   (fv_take && (fv_ans_q.op == exalloc_pkg::BankOpTrim || rsp_mask_o == fv_first)));
    status: assert (rsp_status_o == fv_status_d);
  end
  if (fv_run_q) begin
    answered: assert (rsp_valid_o == fv_answer_q &&
                      (!fv_answer_q || (rsp_op_o == fv_ans_q.op && rsp_tag_o == fv_ans_q.tag)) &&
                      fv_in_q - fv_out_q <= 5'd16 && !(commit && fv_in_q == fv_out_q));
  end
end

// For the issue buffer's proof: what keeps the pipeline busy besides operations
(* keep *) logic fv_busy;
assign fv_busy = pr_valid_q || ad_valid_q || rd_valid_q || fw_valid_q || ex_valid_q || lists_writing ||
                 refetch_valid_q != 2'b00;
