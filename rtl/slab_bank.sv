// slab_bank: one bank of the slab engine. Free masks, their owners, and for each list the LIFO of
// its slabs that have a free block.
//
// Contract: an operation a cycle, answered in order, never stalled; the outcome is that of running
// them one after the other. A slab is in its list's order exactly when its mask is not 0 (except
// what a CLOSE left behind: such slabs belong to the closed list until UNLINKed).
//   GRANT    takes the first quarter of the head slab that has a free block
//   RELEASE  gives back any blocks of one slab; refused, it changes nothing
//   LINK     gives an unowned slab to an open list; blocks 0..limit exist
//   TRIM     takes the head slab back if all SlabWidth blocks of it are free
//   OPEN, CLOSE, UNLINK   begin and end a list, take back a closed list's slabs
// Lists 0..NumLists-1 without 255 can be used (8'hff as an owner means none); others are BAD_LIST.
// Answers have no back-pressure: whoever asks keeps room. Latency 8 cycles, 16 after a replay;
// OPEN, CLOSE, TRIM and UNLINK wait for an empty pipeline and run alone.
// Cost at 16 Ki slabs, 256 lists: 3,426 LUT, 3,183 FF, 8 URAM, 11.5 block RAM (docs/slab-bank.md).
//
// Stages: issue (is), count (ct), choose (pr), address (ad), read (rd), forward (fw), execute (ex),
// then the write and its history (wb, w2, w3) in slab_bank_lists and slab_bank_words.
`default_nettype none

module slab_bank #(
  parameter int unsigned NumSlabs  = 16384,
  parameter int unsigned SlabWidth = 64,
  parameter int unsigned NumLists  = 256,
  parameter int unsigned DomainW   = 6,
  parameter int unsigned TagW      = 8,
  parameter bit          UseUram   = 1'b1,  // 0: let the tool choose (other families, formal)
  localparam int unsigned AddrW    = $clog2(NumSlabs),
  localparam int unsigned BitW     = $clog2(SlabWidth)
) (
  input  logic                 clk_i,
  input  logic                 rst_i,
  output logic                 ready_o,      // the reset sweep is done

  input  logic                 req_valid_i,
  output logic                 req_ready_o,
  input  logic [2:0]           req_op_i,
  input  logic [7:0]           req_list_i,
  input  logic [DomainW-1:0]   req_domain_i,
  input  logic [AddrW-1:0]     req_slab_i,
  input  logic [SlabWidth-1:0] req_mask_i,   // RELEASE
  input  logic [BitW-1:0]      req_limit_i,  // LINK: the last block
  input  logic [TagW-1:0]      req_tag_i,

  output logic                 rsp_valid_o,
  output logic [2:0]           rsp_op_o,
  output logic [TagW-1:0]      rsp_tag_o,
  output logic [3:0]           rsp_status_o,
  output logic [AddrW-1:0]     rsp_slab_o,   // GRANT, TRIM: only if the status is OK
  output logic [SlabWidth-1:0] rsp_mask_o,   // GRANT: the blocks, 0 if refused

  output logic                 replay_o      // an operation is run again (pulse)
);
  localparam int unsigned Window    = 9;  // slab numbers kept for a list: Cached + 5 (see order)
  localparam int unsigned Reach     = 8;  // those of them that choose may fetch
  localparam int unsigned Cached    = 4;  // masks kept for a list
  localparam int unsigned Succ      = 3;  // successors kept for a slab: those 1, 4 and 5 below it
  localparam int unsigned QuarterW  = SlabWidth / 4;
  localparam int unsigned PtrW      = 5;
  localparam int unsigned ListAddrW = NumLists > 1 ? $clog2(NumLists) : 1;
  localparam int unsigned NumUsable =
      NumLists < exalloc_pkg::MaxLists ? NumLists : exalloc_pkg::MaxLists;

  if (NumSlabs < 4 || (NumSlabs & (NumSlabs - 1)) != 0) begin : gen_bad_slabs
    $error("slab_bank: NumSlabs must be a power of two, at least 4");
  end
  if (SlabWidth < 8 || SlabWidth > 64 || (SlabWidth & (SlabWidth - 1)) != 0) begin : gen_bad_width
    $error("slab_bank: SlabWidth must be 8, 16, 32 or 64");
  end
  if (NumLists < 1 || NumLists > 256) begin : gen_bad_lists
    $error("slab_bank: NumLists must be 1 to 256");
  end
  if (DomainW < 1 || TagW < 1) begin : gen_bad_fields
    $error("slab_bank: DomainW and TagW must be at least 1");
  end

  // ----------------------------------------------------------------------------------------------
  // An operation as it moves through the stages. slab becomes the address read; bits of a LINK
  // become its mask once it is counted.
  typedef struct packed {
    logic [2:0]           op;
    logic [7:0]           list_id;
    logic [DomainW-1:0]   domain;
    logic [AddrW-1:0]     slab;
    logic [SlabWidth-1:0] bits;
    logic [TagW-1:0]      tag;
  } op_t;
  op_t req, is_op, ct_q, pr_q, ad_q, rd_q, fw_q, ex_q;
  localparam int unsigned OpW = 3 + 8 + DomainW + AddrW + SlabWidth + TagW;

  logic [PtrW-1:0] is_ptr, ct_ptr_q, pr_ptr_q, ad_ptr_q, rd_ptr_q, fw_ptr_q, ex_ptr_q;
  logic is_valid, ct_valid_q, pr_valid_q, ad_valid_q, rd_valid_q, fw_valid_q, ex_valid_q;
  // A refetch, not an operation
  logic pr_fetch_q, ad_fetch_q, rd_fetch_q, fw_fetch_q, ex_fetch_q;
  // The list exists
  logic pr_usable_q, ad_usable_q, rd_usable_q, fw_usable_q, ex_usable_q;
  // The address was chosen, so the word may be one of the list's first
  logic ad_hit_q, rd_hit_q, fw_hit_q;
  logic replay, commit;
  // Execute: a slab enters the order, a grant takes the last of the head
  logic ex_push_q, exhaust;

  // ----------------------------------------------------------------------------------------------
  // Reset sweep: memories have no initial value.
  localparam int unsigned SweepW = AddrW > ListAddrW ? AddrW : ListAddrW;
  logic [SweepW:0] sweep_q;
  logic sweeping;
  assign sweeping = !sweep_q[SweepW];
  assign ready_o  = sweep_q[SweepW];
  always_ff @(posedge clk_i) begin
    if (sweeping) sweep_q <= sweep_q + 1'b1;
    if (rst_i) sweep_q <= '0;
  end

  // ----------------------------------------------------------------------------------------------
  // Issue
  logic req_serial, pipe_busy, busy_q, lists_writing;
  logic [BitW-1:0] is_limit, ct_limit_q;
  assign req = {req_op_i, req_list_i, req_domain_i, req_slab_i, req_mask_i, req_tag_i};
  assign req_serial = req_op_i == exalloc_pkg::BankOpTrim || req_op_i == exalloc_pkg::BankOpOpen ||
                      req_op_i == exalloc_pkg::BankOpClose || req_op_i == exalloc_pkg::BankOpUnlink;
  slab_bank_issue #(
    .Width(OpW + BitW)
  ) u_issue (
    .clk_i, .rst_i,
    .enable_i     (ready_o),
    .req_valid_i, .req_ready_o,
    .req_serial_i (req_serial),
    .req_data_i   ({req, req_limit_i}),
    .issue_valid_o(is_valid),
    .issue_ptr_o  (is_ptr),
    .issue_data_o ({is_op, is_limit}),
    .pipe_busy_i  (pipe_busy),
    .commit_i     (commit),
    .replay_i     (replay),
    .replay_ptr_i (ex_ptr_q)
  );

  // ----------------------------------------------------------------------------------------------
  // State of the lists
  logic [Reach*AddrW-1:0] pr_ids;
  logic [Reach-1:0] pr_exist;
  logic [Window*AddrW-1:0] ex_ids, nx_ids;
  logic [Window-1:0] ex_exist, nx_exist, ex_known, nx_known;
  logic [Cached-1:0] pr_ready, ex_ready, nx_ready;
  logic [Cached*4-1:0] ex_flags, nx_flags;
  logic [Cached*SlabWidth-1:0] ex_masks, nx_masks;
  logic pr_hint, ex_hint, nx_hint, fw_same_ex, fw_head_ready, fw_goes;
  logic [(Cached+1)*AddrW-1:0] fw_ids;
  logic [Cached:0] fw_exist;
  logic [SlabWidth-1:0] fw_head_mask;
  logic [ListAddrW-1:0] wr_list;

  assign fw_goes = fw_valid_q && !replay;
  slab_bank_lists #(
    .AddrW(AddrW), .SlabWidth(SlabWidth), .NumLists(NumLists), .Window(Window), .Cached(Cached),
    .UseBlock(UseUram)
  ) u_lists (
    .clk_i, .rst_i,
    .sweeping_i     (sweeping),
    .sweep_list_i   (sweep_q[ListAddrW-1:0]),
    .is_list_i      (is_op.list_id),
    .ad_list_i      (ad_q.list_id),
    .rd_list_i      (rd_q.list_id),
    .fw_list_i      (fw_q.list_id),
    .fw_writes_i    (fw_goes && fw_usable_q),
    .ex_list_i      (ex_q.list_id),
    .ex_writes_i    (ex_valid_q && ex_usable_q),
    .pr_ids_o(pr_ids), .pr_exist_o(pr_exist), .pr_ready_o(pr_ready),
    .pr_hint_o(pr_hint),
    .fw_same_ex_o   (fw_same_ex),
    .fw_ids_o       (fw_ids),
    .fw_exist_o     (fw_exist),
    .fw_head_ready_o(fw_head_ready),
    .fw_head_mask_o (fw_head_mask),
    .ex_ids_o(ex_ids), .ex_known_o(ex_known), .ex_exist_o(ex_exist), .ex_ready_o(ex_ready),
    .ex_flags_o(ex_flags), .ex_masks_o(ex_masks), .ex_hint_o(ex_hint),
    .nx_ids_i(nx_ids), .nx_known_i(nx_known), .nx_exist_i(nx_exist), .nx_ready_i(nx_ready),
    .nx_flags_i(nx_flags), .nx_masks_i(nx_masks), .nx_hint_i(nx_hint),
    .wr_list_o      (wr_list),
    .writing_o      (lists_writing)
  );

  // ----------------------------------------------------------------------------------------------
  // Choose
  logic pr_fetched, pr_grant_q;
  logic [2:0] pr_refetch_q;  // one-hot: which of the three slabs after a replay this is
  logic pr_release_q, ad_release_q, rd_release_q, fw_release_q;
  logic [AddrW-1:0] pr_target;
  slab_bank_predict #(
    .AddrW(AddrW), .Reach(Reach), .Cached(Cached)
  ) u_predict (
    .clk_i,
    .count_list_i   (ct_q.list_id),
    .ahead_list_i   ({fw_q.list_id, rd_q.list_id, ad_q.list_id, pr_q.list_id}),
    .ahead_release_i({fw_release_q, rd_release_q, ad_release_q, pr_release_q}),
    .ex_list_i      (ex_q.list_id),
    .ex_push_i      (ex_push_q),
    .ex_pop_i       (exhaust),
    .replay_i       (replay),
    .ids_i          (pr_ids),
    .exist_i        (pr_exist),
    .ready_i        (pr_ready),
    .hint_i         (pr_hint),
    .grant_i        (pr_grant_q),
    .refetch_i      (pr_refetch_q),
    .slab_i         (pr_q.slab),
    .fetched_o      (pr_fetched),
    .slab_o         (pr_target)
  );

  // After a replay the first three slabs of that list are fetched, ahead of the operation again.
  logic [1:0] refetch_valid_q;
  logic [2*AddrW-1:0] refetch_slab_q;
  logic [7:0] refetch_list_q;
  logic fetch;
  assign fetch = replay || refetch_valid_q != 2'b00;

  logic [SlabWidth-1:0] ct_link_bits;
  always_comb begin
    for (int unsigned b = 0; b < SlabWidth; b++) ct_link_bits[b] = BitW'(b) <= ct_limit_q;
  end

  // An operation issued in the last cycle is in count; all others were seen a cycle ago.
  assign pipe_busy = ct_valid_q || busy_q;

  always_ff @(posedge clk_i) begin
    ct_q       <= is_op;
    ct_limit_q <= is_limit;
    pr_q       <= ct_q;
    pr_q.list_id  <= replay ? ex_q.list_id : fetch ? refetch_list_q : ct_q.list_id;
    pr_q.slab  <= replay ? ex_ids[AddrW-1:0] : fetch ? refetch_slab_q[AddrW-1:0] : ct_q.slab;
    pr_q.bits  <= ct_q.op == exalloc_pkg::BankOpLink ? ct_link_bits : ct_q.bits;
    ad_q       <= pr_q;
    ad_q.slab  <= pr_target;
    rd_q       <= ad_q;
    fw_q       <= rd_q;
    ex_q       <= fw_q;

    {ct_ptr_q, pr_ptr_q, ad_ptr_q} <= {is_ptr, ct_ptr_q, pr_ptr_q};
    {rd_ptr_q, fw_ptr_q, ex_ptr_q} <= {ad_ptr_q, rd_ptr_q, fw_ptr_q};
    {ad_fetch_q, rd_fetch_q, fw_fetch_q, ex_fetch_q} <=
        {pr_fetch_q, ad_fetch_q, rd_fetch_q, fw_fetch_q};
    {ad_usable_q, rd_usable_q, fw_usable_q, ex_usable_q} <=
        {pr_usable_q, ad_usable_q, rd_usable_q, fw_usable_q};
    {ad_hit_q, rd_hit_q, fw_hit_q} <= {!pr_grant_q || pr_fetched, ad_hit_q, rd_hit_q};
    pr_fetch_q  <= fetch;
    pr_refetch_q <= replay ? 3'd1 : fetch ? {pr_refetch_q[1:0], 1'b0} : 3'd0;
    pr_usable_q <= fetch || 32'(ct_q.list_id) < NumUsable;

    refetch_valid_q <= replay ? {ex_exist[2] && ex_exist[1], ex_exist[1]}
                              : {1'b0, refetch_valid_q[1]};
    refetch_slab_q  <= replay ? ex_ids[3*AddrW-1:AddrW] : {2{refetch_slab_q[2*AddrW-1:AddrW]}};
    if (replay) refetch_list_q <= ex_q.list_id;

    ct_valid_q <= is_valid && !replay;
    pr_valid_q <= fetch || ct_valid_q;
    ad_valid_q <= pr_valid_q && !replay;
    rd_valid_q <= ad_valid_q && !replay;
    fw_valid_q <= rd_valid_q && !replay;
    ex_valid_q <= fw_goes;
    busy_q     <= ct_valid_q || pr_valid_q || ad_valid_q || rd_valid_q || fw_valid_q ||
                  ex_valid_q || lists_writing || refetch_valid_q != 2'b00;

    // What the operations choosing later count: kinds of the operations that are not cancelled.
    pr_grant_q   <= !fetch && ct_valid_q && ct_q.op == exalloc_pkg::BankOpGrant;
    pr_release_q <= !fetch && ct_valid_q && ct_q.op == exalloc_pkg::BankOpRelease;
    {ad_release_q, rd_release_q, fw_release_q} <=
        replay ? 3'd0 : {pr_release_q, ad_release_q, rd_release_q};

    if (rst_i) begin
      {ct_valid_q, pr_valid_q, ad_valid_q, rd_valid_q, fw_valid_q, ex_valid_q} <= '0;
      refetch_valid_q <= 2'b00;
      busy_q          <= 1'b0;
    end
  end

  // ----------------------------------------------------------------------------------------------
  // Words of the slabs
  logic grant_ok, pop, release_ok, ex_write;
  logic ex_grant_q, ex_trim_q, ex_trim_full_q, ex_release_q, ex_clear_q, ex_link_q;
  logic ex_hazard_q, ex_open_q, ex_head_q, ex_erase_q, ex_succ_ok_q;
  logic [3:0] quarter, ex_double_q, ex_word_flags_q, ex_bits_flags, ex_status_q;
  logic [Cached:0] ex_at_q;
  logic [SlabWidth-1:0] ex_word_q, fw_mask;
  logic [BitW-1:0] ex_top, fw_limit;
  logic [AddrW-1:0] ex_target;
  logic [Succ*AddrW-1:0] ex_succ_ids_q, fw_succ_ids;
  logic [Succ-1:0] ex_succ_exist_q, fw_succ_exist;
  logic [3:0] fw_flags, fw_double;
  logic [7:0] fw_owner;
  logic fw_zero, fw_linked, fw_stale;

  assign ex_write  = grant_ok || release_ok || ex_link_q || ex_erase_q;
  assign ex_target = ex_head_q ? ex_ids[AddrW-1:0] : ex_q.slab;
  slab_bank_words #(
    .NumSlabs(NumSlabs), .SlabWidth(SlabWidth), .Succ(Succ), .UseUram(UseUram)
  ) u_words (
    .clk_i, .rst_i,
    .sweeping_i     (sweeping),
    .sweep_slab_i   (sweep_q[AddrW-1:0]),
    .ad_slab_i      (ad_q.slab),
    .rd_slab_i      (rd_q.slab),
    .fw_slab_i      (fw_q.slab),
    .fw_bits_i      (fw_q.bits),
    .ex_write_i     (ex_write),
    .ex_push_i      (ex_push_q),
    .ex_link_i      (ex_link_q),
    .ex_erase_i     (ex_erase_q),
    .ex_take_i      (ex_grant_q),
    .ex_exhaust_i   (exhaust),
    .ex_quarter_i   (quarter),
    .ex_head_mask_i (ex_masks[SlabWidth-1:0]),
    .ex_head_flags_i(ex_flags[3:0]),
    .ex_word_mask_i (ex_word_q),
    .ex_word_flags_i(ex_word_flags_q),
    .ex_bits_i      (ex_q.bits),
    .ex_bits_flags_i(ex_bits_flags),
    .ex_target_i    (ex_target),
    .ex_list_i      (ex_q.list_id),
    .ex_limit_i     (ex_top),  // the highest block of a LINK's mask is its limit
    .ex_succ_ids_i  ({ex_ids[4*AddrW +: AddrW], ex_ids[3*AddrW +: AddrW], ex_ids[AddrW-1:0]}),
    .ex_succ_exist_i({ex_exist[4:3], ex_exist[0]}),
    .fw_mask_o(fw_mask), .fw_flags_o(fw_flags), .fw_double_o(fw_double), .fw_zero_o(fw_zero),
    .fw_owner_o(fw_owner), .fw_limit_o(fw_limit), .fw_linked_o(fw_linked), .fw_stale_o(fw_stale),
    .fw_succ_ids_o(fw_succ_ids), .fw_succ_exist_o(fw_succ_exist)
  );

  // Where the slab stands in its list when this operation executes
  logic [Cached:0] fw_at, fw_at_old;
  logic [Cached+1:0] fw_at_ex;
  always_comb begin
    for (int unsigned k = 0; k <= Cached; k++) begin
      fw_at_old[k] = fw_exist[k] && fw_ids[k*AddrW +: AddrW] == fw_q.slab;
    end
    for (int unsigned k = 0; k <= Cached + 1; k++) begin
      fw_at_ex[k] = ex_exist[k] && ex_ids[k*AddrW +: AddrW] == fw_q.slab;
    end
    if (!fw_same_ex)    fw_at = fw_at_old;
    else if (ex_push_q) fw_at = {fw_at_ex[Cached-1:0], ex_q.slab == fw_q.slab};
    else if (pop)       fw_at = fw_at_ex[Cached+1:1];
    else                fw_at = fw_at_ex[Cached:0];
  end

  // Checks; and an operation just behind the LINK of its slab read an old owner and limit.
  logic [3:0] fw_status;
  logic fw_hazard, fw_acts, fw_full;
  slab_bank_check #(
    .SlabWidth(SlabWidth), .NumLists(NumLists), .DomainW(DomainW), .UseBlock(UseUram)
  ) u_check (
    .clk_i, .rst_i,
    .sweeping_i     (sweeping),
    .ad_list_i      (ad_q.list_id[ListAddrW-1:0]),
    .ad_bits_i      (ad_q.bits),
    .fw_op_i        (fw_q.op),
    .fw_list_i      (fw_q.list_id),
    .fw_usable_i    (fw_usable_q),
    .fw_domain_i    (fw_q.domain),
    .fw_owner_i     (fw_owner),
    .fw_limit_i     (fw_limit),
    .fw_status_o    (fw_status),
    .ex_clear_i     (ex_clear_q),
    .ex_open_i      (ex_open_q),
    .ex_domain_i    (ex_q.domain),
    .wr_list_i      (wr_list),
    .ex_top_o       (ex_top),
    .ex_bits_flags_o(ex_bits_flags)
  );
  // A list that does not exist is refused whatever the owner, and must not be fetched.
  assign fw_hazard = fw_linked && fw_usable_q &&
                     (fw_q.op == exalloc_pkg::BankOpRelease ||
                      fw_q.op == exalloc_pkg::BankOpLink);
  assign fw_acts   = fw_goes && !fw_fetch_q && fw_status == exalloc_pkg::StatusOk;
  // TRIM runs alone, so its list state needs nothing forwarded from execute.
  assign fw_full   = fw_head_ready && fw_head_mask == '1;

  always_ff @(posedge clk_i) begin
    ex_word_q       <= fw_mask;
    ex_word_flags_q <= fw_flags;
    ex_double_q     <= fw_double;
    ex_at_q         <= fw_goes && fw_hit_q ? fw_at : '0;
    ex_succ_ok_q    <= !fw_stale;
    ex_succ_ids_q   <= fw_succ_ids;
    ex_succ_exist_q <= fw_succ_exist;
    ex_status_q     <= fw_status;
    ex_head_q       <= fw_q.op == exalloc_pkg::BankOpGrant || fw_q.op == exalloc_pkg::BankOpTrim;
    ex_open_q       <= fw_q.op == exalloc_pkg::BankOpOpen;
    ex_hazard_q     <= fw_goes && !fw_fetch_q && fw_hazard;
    ex_grant_q      <= fw_acts && fw_q.op == exalloc_pkg::BankOpGrant;
    ex_trim_q       <= fw_acts && fw_q.op == exalloc_pkg::BankOpTrim;
    ex_trim_full_q  <= fw_acts && fw_q.op == exalloc_pkg::BankOpTrim && fw_full;
    ex_erase_q      <= fw_acts && (fw_q.op == exalloc_pkg::BankOpUnlink ||
                                   (fw_q.op == exalloc_pkg::BankOpTrim && fw_full));
    ex_clear_q      <= fw_acts && (fw_q.op == exalloc_pkg::BankOpOpen ||
                                   fw_q.op == exalloc_pkg::BankOpClose);
    ex_release_q    <= fw_acts && !fw_linked && fw_q.op == exalloc_pkg::BankOpRelease;
    ex_link_q       <= fw_acts && !fw_linked && fw_q.op == exalloc_pkg::BankOpLink;
    // A mask of 0 has no bit that could be freed twice: whether to push is decided here.
    ex_push_q       <= fw_acts && !fw_linked &&
                       (fw_q.op == exalloc_pkg::BankOpLink ||
                        (fw_q.op == exalloc_pkg::BankOpRelease && fw_zero));
    // What stood in forward when a reset came must neither be replayed nor write after it.
    if (rst_i) begin
      {ex_hazard_q, ex_grant_q, ex_trim_q, ex_trim_full_q, ex_erase_q} <= '0;
      {ex_clear_q, ex_release_q, ex_link_q, ex_push_q} <= '0;
    end
  end

  // ----------------------------------------------------------------------------------------------
  // Execute
  slab_bank_order #(
    .AddrW(AddrW), .SlabWidth(SlabWidth), .Window(Window), .Cached(Cached), .Succ(Succ)
  ) u_order (
    .ids_i(ex_ids), .known_i(ex_known), .exist_i(ex_exist), .ready_i(ex_ready),
    .flags_i(ex_flags), .masks_i(ex_masks), .hint_i(ex_hint),
    .at_i         (ex_at_q),
    .word_mask_i  (ex_word_q),
    .word_flags_i (ex_word_flags_q),
    .succ_ok_i    (ex_succ_ok_q),
    .succ_ids_i   (ex_succ_ids_q),
    .succ_exist_i (ex_succ_exist_q),
    .grant_i      (ex_grant_q),
    .trim_i       (ex_trim_full_q),
    .release_i    (ex_release_q),
    .clear_i      (ex_clear_q),
    .push_i       (ex_push_q),
    .double_free_i(ex_double_q),
    .slab_i       (ex_q.slab),
    .bits_i       (ex_q.bits),
    .bits_flags_i (ex_bits_flags),
    .ids_o(nx_ids), .known_o(nx_known), .exist_o(nx_exist), .ready_o(nx_ready),
    .flags_o(nx_flags), .masks_o(nx_masks), .hint_o(nx_hint),
    .grant_ok_o   (grant_ok),
    .exhaust_o    (exhaust),
    .pop_o        (pop),
    .release_ok_o (release_ok),
    .quarter_o    (quarter)
  );

  // The head's mask is not cached, or the owner was being written: fetch, and run it again.
  assign replay = ex_hazard_q || ((ex_grant_q || ex_trim_q) && ex_exist[0] && !ex_ready[0]);
  assign commit = ex_valid_q && !ex_fetch_q && !replay;

  always_ff @(posedge clk_i) begin
    rsp_valid_o  <= commit && !rst_i;
    replay_o     <= replay && !rst_i;
    rsp_op_o     <= ex_q.op;
    rsp_tag_o    <= ex_q.tag;
    rsp_slab_o   <= ex_target;
    rsp_mask_o   <= ex_q.bits;
    if (ex_head_q) begin
      for (int unsigned q = 0; q < 4; q++) begin
        rsp_mask_o[q*QuarterW +: QuarterW] <=
            ex_masks[q*QuarterW +: QuarterW] & {QuarterW{grant_ok && quarter[q]}};
      end
    end
    rsp_status_o <= ex_status_q;
    if (ex_grant_q && !ex_exist[0]) rsp_status_o <= exalloc_pkg::StatusEmpty;
    if (ex_trim_q && !ex_trim_full_q) rsp_status_o <= exalloc_pkg::StatusEmpty;
    if (ex_release_q && !release_ok) rsp_status_o <= exalloc_pkg::StatusDoubleFree;
  end

`ifndef SYNTHESIS
  // What the stages rely on; slab_bank_test runs with these enabled.
  always_ff @(posedge clk_i) begin
    if (!rst_i && ready_o && ex_valid_q && ex_usable_q) begin
      assert ($onehot0(ex_at_q));
      assert (ex_known[0] && (ex_exist & ~ex_known) == '0);
      // What a push stores as successors is known, or beyond the end.
      for (int unsigned j = 1; j <= Succ + 1; j++) begin
        assert (ex_known[j] || (ex_known & ~ex_exist & ~({Window{1'b1}} << j)) != '0);
      end
      for (int unsigned k = 0; k < Cached; k++) begin
        assert (!ex_ready[k] || (ex_exist[k] && ex_known[k+1]));
        for (int unsigned q = 0; q < 4; q++) begin
          assert (!ex_ready[k] ||
                  ex_flags[k*4+q] == (ex_masks[k*SlabWidth+q*QuarterW +: QuarterW] != '0));
        end
        // A cached mask is what the memory holds, and is never 0.
        assert (!(ex_ready[k] && ex_at_q[k]) ||
                ex_masks[k*SlabWidth +: SlabWidth] == ex_word_q);
        assert (!ex_ready[k] || ex_flags[k*4 +: 4] != 4'd0);
      end
      // The refetch of the head succeeds, so an operation is replayed once for this cause.
      assert (!(ex_fetch_q && ex_at_q[0]) || nx_ready[0]);
      assert (!ex_push_q || (ex_word_flags_q == 4'd0 && !pop));
    end
  end
`endif
endmodule

`default_nettype wire
