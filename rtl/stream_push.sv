// Gives blocks back to a list: those a kernel pushes, one token a cycle, and those a stream port
// held.
//
// Contract (docs/protocol.md, Stream ports and RELEASE): a token is taken in a cycle in which
// s_axis_tready_o is high; that needs accept_i. Neighbouring tokens of a slab are gathered into one
// release; another slab, a repeated block, a refused token or 15 cycles without a token end it. A
// token out of range is refused at once. An operation of several blocks that the bank refuses is
// repeated block by block; a refused block becomes an error (err_*). Masks that come by back_* are
// released too, but what is refused of them is no error. req_repeat_o tells the repeated blocks
// from the others and comes back with their answers; apart from them, answers of a bank come in
// order. released_o are the blocks accepted by an answer looked at in this cycle, none while
// released_full_i is high. clear_o: nothing is inside, as of the cycle before.
// How: a token is read
// (A), compared (B), gathered (run), sent (O). Operations under way are kept in a memory, Places
// for each bank in a ring, and looked at in order when their answer is there (R). One walker takes
// a refused operation apart, bit by bit; meanwhile other refused ones wait.
// Cost: Places * NumBanks
// masks in distributed memory. A refused operation takes 1 cycle a bit of its mask, a quarter of
// that where bits are far apart, and the way to the bank and back for each block of several.
`default_nettype none

module stream_push #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned Places    = 16,     // operations under way in each bank
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks)
) (
    input  wire                   clk_i,
    input  wire                   rst_i,
    input  wire                   accept_i,
    output logic                  clear_o,
    output logic                  pushed_o,    // a token is taken
    output logic                  erred_o,     // a token is refused
    // tokens
    input  wire  [31:0]           s_axis_tdata_i,
    input  wire                   s_axis_tvalid_i,
    output logic                  s_axis_tready_o,
    // blocks a port held
    input  wire                   back_valid_i,
    output logic                  back_ready_o,
    input  wire  [BankW-1:0]      back_bank_i,
    input  wire  [SlabW-1:0]      back_slab_i,
    input  wire  [SlabWidth-1:0]  back_mask_i,
    input  wire  [4:0]            back_count_i,
    // operations: releases
    output logic                  req_valid_o,
    input  wire                   req_ready_i,
    output logic [BankW-1:0]      req_bank_o,
    output logic [SlabW-1:0]      req_slab_o,
    output logic [SlabWidth-1:0]  req_mask_o,
    output logic                  req_repeat_o,
    input  wire  [NumBanks-1:0]   rsp_valid_i,
    input  wire  [NumBanks-1:0]   rsp_repeat_i,
    input  wire  [NumBanks*4-1:0] rsp_status_i,
    // blocks that went back
    output logic [6:0]            released_o,
    input  wire                   released_full_i,
    // errors
    output logic                  err_valid_o,
    input  wire                   err_ready_i,
    output logic [3:0]            err_status_o,
    output logic [31:0]           err_token_o
);

  localparam int unsigned BlockW  = $clog2(SlabWidth);
  localparam int unsigned GlobalW = BankW + SlabW;  // bits of a slab number the card has
  localparam int unsigned PlaceW  = $clog2(Places);
  localparam int unsigned EntryW  = 1 + 7 + SlabW + SlabWidth;

  if (NumBanks < 2 || NumBanks != (1 << BankW)) begin : g_bad_banks
    $error("stream_push: NumBanks must be a power of two, at least 2");
  end
  if (SlabWidth < 8 || SlabWidth > 64 || SlabWidth != (1 << BlockW)) begin : g_bad_width
    $error("stream_push: SlabWidth must be a power of two from 8 to 64");
  end
  if (Places < 4 || Places != (1 << PlaceW)) begin : g_bad_places
    $error("stream_push: Places must be a power of two, at least 4");
  end

  // ---- Tokens: read, compare, gather ----

  logic                 skid_valid;
  logic                 skid_in_ready;
  logic [31:0]          skid_token;
  logic                 a_valid_q;
  exalloc_pkg::token_t  a_token_q;
  logic                 b_valid_q;
  exalloc_pkg::token_t  b_token_q;  // the last token read, also when b_valid_q is low
  logic                 b_range_q;
  logic                 b_same_q;   // same slab as the token before it
  logic                 b_double_q; // its block is in the operation being gathered
  logic                 run_valid_q;
  logic [GlobalW-1:0]   run_slab_q;
  logic [SlabWidth-1:0] run_mask_q;
  logic [6:0]           run_count_q;
  logic [3:0]           wait_q;     // cycles without a token
  logic                 due_q;
  logic                 a_range;
  logic                 a_step;
  logic                 b_step;
  logic                 b_extends;
  logic [SlabWidth-1:0] b_bit;
  logic                 flush;      // what is gathered should go out
  logic                 flush_go;

  // ---- Operations ----

  logic                 o_valid_q;
  logic                 o_new_q;    // it needs a place in the memory
  logic [BankW-1:0]     o_bank_q;
  logic [SlabW-1:0]     o_slab_q;
  logic [SlabWidth-1:0] o_mask_q;
  logic [6:0]           o_count_q;
  logic                 o_own_q;    // from back_*
  logic                 o_repeat_q;
  logic                 o_free;
  logic                 back_go;
  logic                 walk_go;
  logic [NumBanks-1:0]  full_q;

  // ---- The walker ----

  typedef enum logic [2:0] {
    WkIdle, WkScan, WkSend, WkWait, WkOk, WkError
  } walk_e;

  walk_e                walk_q;
  logic [BankW-1:0]     walk_bank_q;
  logic [SlabW-1:0]     walk_slab_q;
  logic [SlabWidth-1:0] walk_mask_q;  // shifted down
  logic [BlockW-1:0]    walk_block_q; // of its bit 0
  logic [6:0]           walk_left_q;  // ones
  logic                 walk_alone_q; // the answer was the block's own
  logic [3:0]           walk_status_q;

  // ---- Answers ----

  logic [NumBanks-1:0]        answer_valid;
  logic [NumBanks-1:0]        answer_pick;
  logic [NumBanks*4-1:0]      answer_status;
  logic [BankW-1:0]           answer_bank;
  logic                       answer_any;
  logic [3:0]                 answer_picked;
  logic                       p_valid_q;
  logic [BankW-1:0]           p_bank_q;
  logic [3:0]                 p_status_q;
  logic                       p_step;
  logic                       r_valid_q;
  logic [BankW-1:0]           r_bank_q;
  logic [3:0]                 r_status_q;
  logic                       r_own_q;
  logic [6:0]                 r_count_q;
  logic [SlabW-1:0]           r_slab_q;
  logic [SlabWidth-1:0]       r_mask_q;
  logic                       r_ok;
  logic                       r_done;
  logic                       r_walk;
  logic                       r_step;
  logic                       walk_ok;
  logic                       err_free;

  // A token taken in a cycle in which accept_i falls is inside in the next.
  skid_buffer #(
      .Width(32)
  ) u_skid (
      .clk_i,
      .rst_i,
      .in_valid_i (s_axis_tvalid_i && accept_i),
      .in_ready_o (skid_in_ready),
      .in_data_i  (s_axis_tdata_i),
      .out_valid_o(skid_valid),
      .out_ready_i(a_step),
      .out_data_o (skid_token)
  );
  assign s_axis_tready_o = skid_in_ready && accept_i;
  assign pushed_o        = s_axis_tvalid_i && s_axis_tready_o;

  // A token may name a slab or a block the card does not have.
  if (GlobalW < 26 || SlabWidth < 64) begin : g_range
    localparam logic [26:0] Slabs = 27'(NumSlabs);
    localparam logic [6:0] Blocks = 7'(SlabWidth);
    assign a_range = a_token_q.slab == '0 || {1'b0, a_token_q.slab} >= Slabs ||
                     {1'b0, a_token_q.block} >= Blocks;
  end else begin : g_no_range
    assign a_range = a_token_q.slab == '0;
  end

  assign b_bit     = SlabWidth'(1) << b_token_q.block[BlockW-1:0];
  assign b_extends = b_valid_q && run_valid_q && !b_range_q && b_same_q && !b_double_q;
  assign b_step    = !b_valid_q || ((b_extends || !run_valid_q || flush_go) &&
                                    (!b_range_q || (err_free && walk_q != WkError)));
  assign a_step    = !a_valid_q || b_step;

  assign flush    = run_valid_q && (b_valid_q ? !b_extends : due_q);
  assign flush_go = flush && o_free && walk_q != WkSend && !back_valid_i &&
                    !full_q[run_slab_q[BankW-1:0]];

  always_ff @(posedge clk_i) begin
    if (a_step) begin
      a_valid_q <= skid_valid;
      a_token_q <= skid_token;
    end
    if (b_step) begin
      b_valid_q <= a_valid_q;
    end
    if (b_step && a_valid_q) begin
      b_token_q  <= a_token_q;
      b_range_q  <= a_range;
      b_same_q   <= a_token_q.slab == b_token_q.slab;
      // The token now in stage B joins the gathered ones, or is the first of new ones.
      b_double_q <= b_valid_q ? a_token_q.block == b_token_q.block ||
                                (b_extends && run_mask_q[a_token_q.block[BlockW-1:0]])
                              : run_mask_q[a_token_q.block[BlockW-1:0]];
    end
    if (b_valid_q && b_step) begin
      run_valid_q <= !b_range_q;
      run_mask_q  <= b_bit | (b_extends ? run_mask_q : '0);
      run_count_q <= b_extends ? run_count_q + 7'd1 : 7'd1;
      run_slab_q  <= b_token_q.slab[GlobalW-1:0];
    end else if (flush_go) begin
      run_valid_q <= 1'b0;
    end
    wait_q <= (b_valid_q || !run_valid_q) ? '0 : wait_q + 4'd1;
    due_q  <= !b_valid_q && (due_q || wait_q == 4'd13);
    if (rst_i) begin
      a_valid_q   <= 1'b0;
      b_valid_q   <= 1'b0;
      run_valid_q <= 1'b0;
      wait_q      <= '0;
      due_q       <= 1'b0;
    end
  end

  // ---- Operations: repeated blocks first, then what was held, then what was pushed ----

  assign o_free       = !o_valid_q || req_ready_i;
  assign walk_go      = walk_q == WkSend && o_free;
  assign back_go      = back_valid_i && walk_q != WkSend && o_free && !full_q[back_bank_i];
  assign back_ready_o = back_go;

  always_ff @(posedge clk_i) begin
    if (o_free) begin
      o_valid_q <= walk_go || back_go || flush_go;
      if (walk_q == WkSend) begin
        {o_slab_q, o_bank_q} <= {walk_slab_q, walk_bank_q};
        o_mask_q             <= SlabWidth'(1) << walk_block_q;
      end else if (back_valid_i) begin
        {o_slab_q, o_bank_q} <= {back_slab_i, back_bank_i};
        o_mask_q             <= back_mask_i;
      end else begin
        {o_slab_q, o_bank_q} <= run_slab_q;
        o_mask_q             <= run_mask_q;
      end
      o_repeat_q <= walk_q == WkSend;
      o_own_q    <= back_valid_i;
      o_count_q  <= back_valid_i ? 7'(back_count_i) : run_count_q;
    end
    o_new_q <= back_go || flush_go;
    if (rst_i) begin
      o_valid_q <= 1'b0;
      o_new_q   <= 1'b0;
    end
  end

  assign req_valid_o  = o_valid_q;
  assign req_bank_o   = o_bank_q;
  assign req_slab_o   = o_slab_q;
  assign req_mask_o   = o_mask_q;
  assign req_repeat_o = o_repeat_q;

  // ---- Operations under way ----

  (* ram_style = "distributed" *) logic [EntryW-1:0] under_way[NumBanks*Places];
  logic [NumBanks*PlaceW-1:0] write_q;  // where the next operation for each bank goes
  logic [NumBanks*PlaceW-1:0] read_q;   // where the oldest is
  logic [NumBanks-1:0]        some_q;   // one is under way
  logic [PlaceW-1:0]          write_place;
  logic [PlaceW-1:0]          read_place;

  always_comb begin
    write_place = '0;
    read_place  = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (o_bank_q == BankW'(b)) begin
        write_place = write_place | write_q[b*PlaceW +: PlaceW];
      end
      if (p_bank_q == BankW'(b)) begin
        read_place = read_place | read_q[b*PlaceW +: PlaceW];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (o_new_q) begin
      under_way[{o_bank_q, write_place}] <= {o_own_q, o_count_q, o_slab_q, o_mask_q};
    end
  end

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_bank
    logic              put;
    logic              take;
    logic [PlaceW-1:0] used;
    logic              unused_ready;  // an operation has its place
    logic [PlaceW:0]   unused_count;

    assign put  = o_new_q && o_bank_q == BankW'(b);
    assign take = p_valid_q && p_step && p_bank_q == BankW'(b);
    assign used = write_q[b*PlaceW +: PlaceW] - read_q[b*PlaceW +: PlaceW];

    always_ff @(posedge clk_i) begin
      write_q[b*PlaceW +: PlaceW] <= write_q[b*PlaceW +: PlaceW] + PlaceW'(put);
      read_q[b*PlaceW +: PlaceW]  <= read_q[b*PlaceW +: PlaceW] + PlaceW'(take);
      // Two more may be put before full_q is seen; the last place stays free, so that a full ring
      // does not look empty.
      full_q[b] <= used >= PlaceW'(Places - 3);
      some_q[b] <= used != '0 || put;
      if (rst_i) begin
        write_q[b*PlaceW +: PlaceW] <= '0;
        read_q[b*PlaceW +: PlaceW]  <= '0;
        full_q[b]                   <= 1'b0;
        some_q[b]                   <= 1'b0;
      end
    end

    sync_fifo #(
        .Width(4),
        .Depth(Places)
    ) u_answers (
        .clk_i,
        .rst_i,
        .in_valid_i (rsp_valid_i[b] && !rsp_repeat_i[b]),
        .in_ready_o (unused_ready),
        .in_data_i  (rsp_status_i[b*4 +: 4]),
        .out_valid_o(answer_valid[b]),
        .out_ready_i(answer_pick[b] && (p_step || !p_valid_q)),
        .out_data_o (answer_status[b*4 +: 4]),
        .count_o    (unused_count)
    );
  end

  // ---- Answers, one a cycle ----

  rr_arbiter #(
      .N(NumBanks)
  ) u_pick (
      .clk_i,
      .rst_i,
      .req_i    (answer_valid),
      .advance_i(p_step || !p_valid_q),
      .gnt_o    (answer_pick),
      .gnt_idx_o(answer_bank),
      .valid_o  (answer_any)
  );

  always_comb begin
    answer_picked = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      answer_picked = answer_picked | (answer_status[b*4 +: 4] & {4{answer_pick[b]}});
    end
  end

  assign walk_ok = walk_q == WkOk && !released_full_i;
  assign r_ok    = r_valid_q && r_status_q == exalloc_pkg::StatusOk && !released_full_i &&
                   walk_q != WkOk;
  assign r_walk  = r_valid_q && r_status_q != exalloc_pkg::StatusOk && !r_own_q &&
                   walk_q == WkIdle;
  assign r_done  = r_ok || r_walk ||
                   (r_valid_q && r_status_q != exalloc_pkg::StatusOk && r_own_q);
  assign r_step  = !r_valid_q || r_done;
  assign p_step  = r_step;

  assign released_o = r_ok ? r_count_q : 7'(walk_ok);

  always_ff @(posedge clk_i) begin
    if (p_step || !p_valid_q) begin
      p_valid_q  <= answer_any;
      p_bank_q   <= answer_bank;
      p_status_q <= answer_picked;
    end
    if (r_step) begin
      r_valid_q  <= p_valid_q;
      r_bank_q   <= p_bank_q;
      r_status_q <= p_status_q;
      {r_own_q, r_count_q, r_slab_q, r_mask_q} <= under_way[{p_bank_q, read_place}];
    end
    if (rst_i) begin
      p_valid_q <= 1'b0;
      r_valid_q <= 1'b0;
    end
  end

  // ---- The walker: names refused blocks ----

  logic       walk_far;      // none of the lowest bits is set
  logic       walk_answered;
  logic [3:0] walk_answer;
  assign walk_far = walk_mask_q[3:0] == '0;

  always_comb begin
    walk_answered = 1'b0;
    walk_answer   = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (rsp_valid_i[b] && rsp_repeat_i[b]) begin
        walk_answered = 1'b1;
        walk_answer   = walk_answer | rsp_status_i[b*4 +: 4];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    case (walk_q)
      WkIdle: begin
        walk_bank_q   <= r_bank_q;
        walk_slab_q   <= r_slab_q;
        walk_mask_q   <= r_mask_q;
        walk_block_q  <= '0;
        walk_left_q   <= r_count_q;
        walk_alone_q  <= r_count_q == 7'd1;
        walk_status_q <= r_status_q;
        if (r_walk) begin
          walk_q <= WkScan;
        end
      end
      WkScan: begin
        if (walk_left_q == '0) begin
          walk_q <= WkIdle;
        end else if (walk_mask_q[0]) begin
          walk_q <= walk_alone_q ? WkError : WkSend;
        end else begin
          walk_mask_q  <= walk_far ? walk_mask_q >> 4 : walk_mask_q >> 1;
          walk_block_q <= walk_block_q + (walk_far ? BlockW'(4) : BlockW'(1));
        end
      end
      WkSend: begin
        if (walk_go) begin
          walk_q <= WkWait;
        end
      end
      WkWait: begin
        walk_status_q <= walk_answer;
        if (walk_answered) begin
          walk_q <= (walk_answer == exalloc_pkg::StatusOk) ? WkOk : WkError;
        end
      end
      default: begin
        if ((walk_q == WkOk) ? walk_ok : err_free) begin
          walk_q          <= WkScan;
          walk_mask_q[0]  <= 1'b0;
          walk_left_q     <= walk_left_q - 7'd1;
        end
      end
    endcase
    if (rst_i) begin
      walk_q <= WkIdle;
    end
  end

  // ---- Errors: the walker's first ----

  logic walk_err;
  logic range_err;
  assign err_free  = !err_valid_o || err_ready_i;
  assign walk_err  = walk_q == WkError;
  assign range_err = b_valid_q && b_range_q && b_step;
  assign erred_o   = err_free && (walk_err || range_err);

  always_ff @(posedge clk_i) begin
    if (err_free) begin
      err_valid_o  <= walk_err || range_err;
      err_status_o <= walk_err ? walk_status_q : exalloc_pkg::StatusRange;
      err_token_o  <= walk_err ? 32'({walk_slab_q, walk_bank_q, 6'(walk_block_q)}) : b_token_q;
    end
    clear_o <= !(skid_valid || a_valid_q || b_valid_q || run_valid_q || o_valid_q || o_new_q ||
                 (|some_q) || p_valid_q || r_valid_q || walk_q != WkIdle || err_valid_o ||
                 back_valid_i || pushed_o);
    if (rst_i) begin
      err_valid_o <= 1'b0;
      clear_o     <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (!rst_i) begin
      assert (!walk_answered || walk_q == WkWait);
    end
  end
`endif

endmodule

`default_nettype wire
