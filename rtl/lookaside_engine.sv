// The lookaside engine: depth-limited stacks of entries, their shares and counts, and the depth
// governor's step for one list (docs/lookaside.md).
//
// Contract: an operation (exalloc_pkg::LookasideOp*) is taken by req_valid_i/req_ready_o. data is
// the entry (push), lookaside_counts_t (account), lookaside_share_t (share), or lookaside_depths_t
// (open). Answers come in the order of the operations, and nothing holds them up: status; data =
// the entry popped, the entry given with a push, or the shares granted; depth, held and reserved
// after it. A refused operation changes nothing. Statuses: bad_list (closed; open: open already),
// domain (pop, push, account, share), empty (pop), full (push), range (share: more given back than
// reserved; open: not minimum <= depth <= maximum <= Depth). read_i asks for a register of a list's
// window, and is asked again only after its answer. Nothing is taken until ready_o.
// Latency: an answer after 5 cycles; share 8, open 7, close 6, govern 12, less if refused. Pop,
// push and account: one a cycle, whatever the lists. The others hold up what comes behind them for
// as much longer, and a cycle more.
// Cost: the entries in URAM (64 x 256 entries of 64 bits: 4), the rest in distributed memory.
`default_nettype none

module lookaside_engine #(
    parameter int unsigned NumLists = 64,
    parameter int unsigned Depth    = 256,  // entries a list
    parameter int unsigned DomainW  = 6,
    parameter int unsigned EntryW   = 64,   // bits of an entry that are kept
    parameter int unsigned TagW     = 2,
    parameter bit          UseUram  = 1'b1,
    localparam int unsigned ListW   = $clog2(NumLists),
    localparam int unsigned CountW  = $clog2(Depth) + 1
) (
    input  wire                clk_i,
    input  wire                rst_i,
    output logic               ready_o,
    output logic               busy_o,
    // operations
    input  wire                req_valid_i,
    output logic               req_ready_o,
    input  wire  [2:0]         req_op_i,
    input  wire  [ListW-1:0]   req_list_i,
    input  wire  [DomainW-1:0] req_domain_i,
    input  wire  [63:0]        req_data_i,
    input  wire  [TagW-1:0]    req_tag_i,
    // answers
    output logic               rsp_valid_o,
    output logic [TagW-1:0]    rsp_tag_o,
    output logic [3:0]         rsp_status_o,
    output logic [63:0]        rsp_data_o,
    output logic [CountW-1:0]  rsp_depth_o,
    output logic [CountW-1:0]  rsp_held_o,
    output logic [CountW-1:0]  rsp_reserved_o,
    // register window
    input  wire                read_i,
    input  wire  [ListW-1:0]   read_list_i,
    input  wire  [4:0]         read_addr_i,
    output logic               read_valid_o,
    output logic [31:0]        read_data_o
);

  if (NumLists < 2 || NumLists > exalloc_pkg::MaxLookasideLists ||
      (NumLists & (NumLists - 1)) != 0) begin : g_bad_lists
    $error("lookaside_engine: NumLists must be a power of two from 2 to 64");
  end
  if (Depth < 2 || Depth > exalloc_pkg::MaxLookasideDepth || (Depth & (Depth - 1)) != 0)
    begin : g_bad_depth
    $error("lookaside_engine: Depth must be a power of two from 2 to 256");
  end
  if (EntryW < 1 || EntryW > 64) begin : g_bad_entry
    $error("lookaside_engine: EntryW must be 1 to 64");
  end

  // Depth - held - reserved: below 0 after the governor has shrunk the list.
  localparam int unsigned RoomW   = CountW + 1;
  localparam int unsigned AddrW   = ListW + CountW - 1;
  localparam int unsigned FieldW  = 9;  // depths in an open
  localparam int unsigned StaticW = 1 + DomainW + 4 * CountW;

  // ---- Stage 1: what a list was before; its state is read ----

  logic               s1_valid_q;
  logic               s1_read_q;    // for the register window, instead of an operation
  logic               s1_sweep_q;   // the close of a list that reset makes
  logic [2:0]         s1_op_q;
  logic [ListW-1:0]   s1_list_q;
  logic [DomainW-1:0] s1_domain_q;
  logic [63:0]        s1_data_q;
  logic [TagW-1:0]    s1_tag_q;
  logic               s1_free;
  logic               s1_advance;

  logic [ListW:0]     sweep_q;      // lists swept
  logic               sweeping;
  logic               read_pending_q;
  logic [ListW-1:0]   read_list_q;
  logic [4:0]         read_addr_q;

  assign sweeping    = !sweep_q[ListW];
  assign ready_o     = !sweeping;
  assign s1_free     = s1_advance || !(s1_valid_q || s1_read_q);
  assign req_ready_o = s1_free && !sweeping && !read_pending_q;

  always_ff @(posedge clk_i) begin
    if (s1_free) begin
      s1_valid_q  <= sweeping || (req_valid_i && !read_pending_q);
      s1_read_q   <= !sweeping && read_pending_q;
      s1_sweep_q  <= sweeping;
      s1_op_q     <= sweeping ? exalloc_pkg::LookasideOpClose : req_op_i;
      s1_list_q   <= sweeping ? sweep_q[ListW-1:0] : read_pending_q ? read_list_q : req_list_i;
      s1_domain_q <= req_domain_i;
      s1_data_q   <= req_data_i;
      s1_tag_q    <= req_tag_i;
      if (sweeping) begin
        sweep_q <= sweep_q + 1'b1;
      end else begin
        read_pending_q <= 1'b0;
      end
    end
    if (read_i) begin
      read_pending_q <= 1'b1;
      read_list_q    <= read_list_i;
      read_addr_q    <= read_addr_i;
    end
    if (rst_i) begin
      s1_valid_q     <= 1'b0;
      s1_read_q      <= 1'b0;
      sweep_q        <= '0;
      read_pending_q <= 1'b0;
    end
  end

  // What pop and push change, and what only the other operations do.
  (* ram_style = "distributed" *) logic [CountW+RoomW+1:0] stack_mem[NumLists];
  (* ram_style = "distributed" *) logic [StaticW-1:0]      static_mem[NumLists];

  logic [CountW-1:0]  s1_held;
  logic [RoomW-1:0]   s1_room;
  logic               s1_some;
  logic               s1_roomy;
  logic               s1_open;
  logic [DomainW-1:0] s1_owner;
  logic [CountW-1:0]  s1_depth;
  logic [CountW-1:0]  s1_minimum;
  logic [CountW-1:0]  s1_maximum;
  logic [CountW-1:0]  s1_reserved;
  logic               s1_guarded;  // the operation must come from the list's domain
  logic               s1_closed;
  logic               s1_alien;

  assign {s1_some, s1_roomy, s1_held, s1_room} = stack_mem[s1_list_q];
  assign {s1_open, s1_owner, s1_depth, s1_minimum, s1_maximum, s1_reserved} =
      static_mem[s1_list_q];
  assign s1_guarded = s1_op_q <= exalloc_pkg::LookasideOpShare;
  assign s1_closed  = !s1_open && s1_op_q != exalloc_pkg::LookasideOpOpen && !s1_sweep_q;
  assign s1_alien   = s1_guarded && s1_owner != s1_domain_q;

  // ---- Stage 2: the operation. Pop, push and account take one cycle, the others several steps on
  // the list's state in these registers, while stage 1 waits ----

  logic               s2_valid_q;
  logic               s2_read_q;
  logic               s2_slow_q;
  logic               s2_sweep_q;
  logic [2:0]         s2_op_q;
  logic [ListW-1:0]   s2_list_q;
  logic [DomainW-1:0] s2_domain_q;
  logic [63:0]        s2_data_q;
  logic [TagW-1:0]    s2_tag_q;
  logic [2:0]         s2_step_q;
  logic               s2_ok_q;      // not refused so far, or by s2_status_q
  logic [3:0]         s2_status_q;
  logic               s2_some_q;    // held > 0
  logic               s2_roomy_q;   // room > 0
  logic [CountW-1:0]  s2_held_q;
  logic [RoomW-1:0]   s2_room_q;
  logic               s2_open_q;
  logic [DomainW-1:0] s2_owner_q;
  logic [CountW-1:0]  s2_depth_q;
  logic [CountW-1:0]  s2_minimum_q;
  logic [CountW-1:0]  s2_maximum_q;
  logic [CountW-1:0]  s2_reserved_q;

  logic               do_pop;
  logic               do_push;
  logic               s2_last;      // the last step of a slow operation
  logic               s2_end;       // the operation's last cycle
  logic               some_d;
  logic               roomy_d;
  logic [CountW-1:0]  held_d;
  logic [RoomW-1:0]   room_d;
  logic [3:0]         status_d;
  logic               forward;

  assign s1_advance = !(s2_valid_q && s2_slow_q);

  assign do_pop  = s2_valid_q && s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpPop && s2_some_q;
  assign do_push = s2_valid_q && s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpPush && s2_roomy_q;
  assign held_d  = s2_held_q + (do_pop ? '1 : CountW'(do_push));
  assign room_d  = s2_room_q + (do_push ? '1 : RoomW'(do_pop));
  assign some_d  = do_push || (do_pop ? s2_held_q != CountW'(1) : s2_some_q);
  always_comb begin
    if (s2_slow_q) begin
      roomy_d = !s2_room_q[RoomW-1] && s2_room_q != '0;
    end else if (do_push) begin
      roomy_d = s2_room_q != RoomW'(1);
    end else begin
      roomy_d = do_pop ? !s2_room_q[RoomW-1] : s2_roomy_q;
    end
  end

  always_comb begin
    status_d = s2_status_q;
    if (s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpPop && !s2_some_q) begin
      status_d = exalloc_pkg::StatusEmpty;
    end
    if (s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpPush && !s2_roomy_q) begin
      status_d = exalloc_pkg::StatusFull;
    end
  end

  // Steps of a slow operation, the last of which writes the state back. One that has been refused
  // ends at once.
  always_comb begin
    case (s2_op_q)
      exalloc_pkg::LookasideOpShare: s2_last = s2_step_q == 3'd3;
      exalloc_pkg::LookasideOpOpen:  s2_last = s2_step_q == 3'd2;
      exalloc_pkg::LookasideOpClose: s2_last = s2_step_q == 3'd1;
      default:                       s2_last = s2_step_q == 3'd7;
    endcase
    if (!s2_ok_q) begin
      s2_last = 1'b1;
    end
  end
  assign s2_end = s2_valid_q && (!s2_slow_q || s2_last);

  always_ff @(posedge clk_i) begin
    if (do_pop || do_push || (s2_slow_q && s2_end)) begin
      stack_mem[s2_list_q] <= {some_d, roomy_d, held_d, room_d};
    end
    if (s2_slow_q && s2_end) begin
      static_mem[s2_list_q] <= {s2_open_q, s2_owner_q, s2_depth_q, s2_minimum_q, s2_maximum_q,
                                s2_reserved_q};
    end
  end

  // Parts of the slow operations, each a step behind what it is made from.
  logic [FieldW-1:0]        open_depth;
  logic [FieldW-1:0]        open_minimum;
  logic [FieldW-1:0]        open_maximum;
  logic                     bad_range_q;
  logic [15:0]              share_take;
  logic [15:0]              share_give;
  logic [CountW-1:0]        take_q;     // cut to what fits
  logic [CountW-1:0]        granted_q;
  logic [CountW-1:0]        shrunk_q;
  logic [CountW:0]          twice_q;
  logic [CountW-1:0]        grown_q;
  logic [CountW-1:0]        target_q;
  logic [RoomW-1:0]         change_q;
  logic                     idle;
  logic                     grow;
  exalloc_pkg::lookaside_depths_t open_data;
  exalloc_pkg::lookaside_share_t  share_data;

  assign open_data    = s2_data_q[31:0];
  assign share_data   = s2_data_q;
  assign open_depth   = open_data.depth;
  assign open_minimum = open_data.minimum;
  assign open_maximum = open_data.maximum;
  assign share_take   = share_data.take;
  assign share_give   = share_data.give;

  // What share makes of the list: in step 0 shares are given back, then granted. Whether more is
  // given than there is does not choose what is added, or one carry chain would follow another; the
  // carry comes in through a bit below the lowest.
  logic              share_over;
  logic              share_back;
  logic [CountW:0]   share_reserved;
  logic [RoomW:0]    share_room;
  assign share_over     = share_give > 16'(s2_reserved_q);
  assign share_back     = s2_step_q == 3'd0;
  assign share_reserved = {s2_reserved_q, 1'b1} +
                          {share_back ? ~share_give[CountW-1:0] : granted_q, share_back};
  assign share_room     = {s2_room_q, 1'b1} +
                          {share_back ? {1'b0, share_give[CountW-1:0]} : {1'b1, ~granted_q},
                           !share_back};

  always_ff @(posedge clk_i) begin
    bad_range_q <= open_minimum > open_depth || open_depth > open_maximum ||
                   open_maximum > FieldW'(Depth);
    take_q      <= (share_take[15:CountW] != '0) ? '1 : share_take[CountW-1:0];
    granted_q   <= '0;
    if (s2_ok_q && !s2_room_q[RoomW-1]) begin
      granted_q <= ({1'b0, take_q} < s2_room_q) ? take_q : s2_room_q[CountW-1:0];
    end
    shrunk_q <= CountW'(({1'b0, s2_minimum_q} + {1'b0, s2_depth_q}) >> 1);
    twice_q  <= (s2_depth_q == '0) ? (CountW + 1)'(1) : {s2_depth_q, 1'b0};
    grown_q  <= (twice_q > {1'b0, s2_maximum_q}) ? s2_maximum_q : twice_q[CountW-1:0];
    if (s2_step_q == 3'd4) begin
      target_q <= idle ? shrunk_q : grow ? grown_q : s2_depth_q;
    end
    change_q <= {1'b0, target_q} - {1'b0, s2_depth_q};
  end

  // An operation right behind another of the same list sees what that one made of it.
  assign forward = s2_valid_q && s2_list_q == s1_list_q;

  always_ff @(posedge clk_i) begin
    if (s1_advance) begin
      s2_valid_q    <= s1_valid_q;
      s2_read_q     <= s1_read_q;
      s2_slow_q     <= s1_op_q >= exalloc_pkg::LookasideOpShare;
      s2_sweep_q    <= s1_sweep_q;
      s2_op_q       <= s1_op_q;
      s2_list_q     <= s1_list_q;
      s2_domain_q   <= s1_domain_q;
      s2_data_q     <= s1_data_q;
      s2_tag_q      <= s1_tag_q;
      s2_step_q     <= '0;
      s2_ok_q       <= !s1_closed && !s1_alien;
      s2_status_q   <= s1_closed ? exalloc_pkg::StatusBadList :
                       s1_alien ? exalloc_pkg::StatusDomain : exalloc_pkg::StatusOk;
      s2_some_q     <= forward ? some_d : s1_some;
      s2_roomy_q    <= forward ? roomy_d : s1_roomy;
      s2_held_q     <= forward ? held_d : s1_held;
      s2_room_q     <= forward ? room_d : s1_room;
      s2_open_q     <= s1_open;
      s2_owner_q    <= s1_owner;
      s2_depth_q    <= s1_depth;
      s2_minimum_q  <= s1_minimum;
      s2_maximum_q  <= s1_maximum;
      s2_reserved_q <= s1_reserved;
    end else begin
      s2_valid_q <= !s2_last;
      s2_step_q  <= s2_step_q + 3'd1;
      case (s2_op_q)
        exalloc_pkg::LookasideOpShare: begin
          if (s2_ok_q && s2_step_q == 3'd0 && share_over) begin
            s2_ok_q     <= 1'b0;
            s2_status_q <= exalloc_pkg::StatusRange;
          end
          if (s2_ok_q && (s2_step_q == 3'd2 || (s2_step_q == 3'd0 && !share_over))) begin
            s2_reserved_q <= share_reserved[CountW:1];
            s2_room_q     <= share_room[RoomW:1];
          end
        end
        exalloc_pkg::LookasideOpOpen: begin
          if (s2_step_q == 3'd1) begin
            if (bad_range_q || s2_open_q) begin
              s2_ok_q     <= 1'b0;
              s2_status_q <= bad_range_q ? exalloc_pkg::StatusRange : exalloc_pkg::StatusBadList;
            end else begin
              s2_open_q    <= 1'b1;
              s2_owner_q   <= s2_domain_q;
              s2_depth_q   <= open_depth[CountW-1:0];
              s2_minimum_q <= open_minimum[CountW-1:0];
              s2_maximum_q <= open_maximum[CountW-1:0];
              s2_room_q    <= RoomW'(open_depth[CountW-1:0]);
            end
          end
        end
        exalloc_pkg::LookasideOpClose: begin
          if (s2_ok_q) begin
            s2_open_q     <= 1'b0;
            s2_owner_q    <= '0;
            s2_depth_q    <= '0;
            s2_minimum_q  <= '0;
            s2_maximum_q  <= '0;
            s2_reserved_q <= '0;
            s2_room_q     <= '0;
            s2_held_q     <= '0;
            s2_some_q     <= 1'b0;
          end
        end
        default: begin  // govern: idle and grow are known in step 4
          if (s2_ok_q && s2_step_q == 3'd6) begin
            s2_depth_q <= target_q;
            s2_room_q  <= s2_room_q + change_q;
          end
        end
      endcase
    end
    if (rst_i) begin
      s2_valid_q <= 1'b0;
      s2_read_q  <= 1'b0;
    end
  end

  // ---- Stage 3: the entry is written or its address read; counts ----

  logic              s3_valid_q;
  logic              s3_read_q;
  logic              s3_popped_q;
  logic              s3_pushed_q;
  logic              s3_add_q;
  logic              s3_clear_q;
  logic              s3_govern_q;
  logic [ListW-1:0]  s3_list_q;
  logic [AddrW-1:0]  s3_addr_q;
  logic [TagW-1:0]   s3_tag_q;
  logic [3:0]        s3_status_q;
  logic [63:0]       s3_data_q;
  logic [CountW-1:0] s3_depth_q;
  logic [CountW-1:0] s3_held_q;
  logic [CountW-1:0] s3_reserved_q;
  logic [31:0]       s3_word_q;    // of the register window: depths, or held
  logic [CountW-1:0] high_water;
  logic [31:0]       count;
  logic [EntryW-1:0] entry;

  logic                           shows_depths;
  logic                           shows_held;
  exalloc_pkg::lookaside_depths_t depths_word;
  exalloc_pkg::lookaside_held_t   held_word;

  // read_addr_q stays until the answer.
  assign shows_depths = read_addr_q == exalloc_pkg::RegLookasideDepthsOffset;
  assign shows_held   = read_addr_q == exalloc_pkg::RegLookasideHeldOffset;

  always_comb begin
    depths_word          = '0;
    depths_word.open     = s2_open_q;
    depths_word.depth    = FieldW'(s2_depth_q);
    depths_word.minimum  = FieldW'(s2_minimum_q);
    depths_word.maximum  = FieldW'(s2_maximum_q);
    held_word            = '0;
    held_word.held       = FieldW'(s2_held_q);
    held_word.reserved   = FieldW'(s2_reserved_q);
  end

  always_ff @(posedge clk_i) begin
    s3_valid_q    <= s2_end && !s2_sweep_q;
    s3_read_q     <= s2_read_q && s1_advance;
    s3_popped_q   <= do_pop;
    s3_pushed_q   <= do_push;
    s3_add_q      <= s2_valid_q && s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpAccount;
    s3_clear_q    <= s2_end && s2_ok_q && (s2_op_q == exalloc_pkg::LookasideOpOpen ||
                                           s2_op_q == exalloc_pkg::LookasideOpClose);
    s3_govern_q   <= s2_valid_q && s2_ok_q && s2_op_q == exalloc_pkg::LookasideOpGovern &&
                     s2_step_q == 3'd0;
    s3_list_q     <= s2_list_q;
    s3_addr_q     <= {s2_list_q, (CountW - 1)'(do_push ? s2_held_q : held_d)};
    s3_tag_q      <= s2_tag_q;
    s3_status_q   <= status_d;
    s3_data_q     <= s2_slow_q ? 64'(granted_q) : s2_data_q;
    s3_depth_q    <= s2_depth_q;
    s3_held_q     <= held_d;
    s3_reserved_q <= s2_reserved_q;
    s3_word_q     <= shows_depths ? depths_word : held_word;
    if (rst_i) begin
      s3_valid_q  <= 1'b0;
      s3_read_q   <= 1'b0;
      s3_pushed_q <= 1'b0;
      s3_add_q    <= 1'b0;
      s3_clear_q  <= 1'b0;
      s3_govern_q <= 1'b0;
    end
  end

  slab_wide_mem #(
      .Depth  (NumLists * Depth),
      .Width  (EntryW),
      .UseUram(UseUram)
  ) u_entries (
      .clk_i,
      .wr_en_i  (s3_pushed_q),
      .wr_addr_i(s3_addr_q),
      .wr_data_i(s3_data_q[EntryW-1:0]),
      .rd_addr_i(s3_addr_q),
      .rd_data_o(entry)
  );

  lookaside_counts #(
      .NumLists(NumLists),
      .CountW  (CountW)
  ) u_counts (
      .clk_i,
      .list_i      (s3_list_q),
      .add_i       (s3_add_q),
      .clear_i     (s3_clear_q),
      .govern_i    (s3_govern_q),
      .push_i      (s3_pushed_q),
      .deltas_i    (s3_data_q),
      .held_i      (s3_held_q),
      .select_i    (read_addr_q[3:2] + 2'd2),  // 0x08 is the first count
      .high_water_o(high_water),
      .count_o     (count),
      .idle_o      (idle),
      .grow_o      (grow)
  );

  // ---- Stages 4 and 5: on the way ----

  logic              s4_valid_q;
  logic              s4_read_q;
  logic              s4_popped_q;
  logic [TagW-1:0]   s4_tag_q;
  logic [3:0]        s4_status_q;
  logic [63:0]       s4_data_q;
  logic [CountW-1:0] s4_depth_q;
  logic [CountW-1:0] s4_held_q;
  logic [CountW-1:0] s4_reserved_q;
  logic [31:0]       s4_word_q;
  logic              s5_popped_q;
  logic              s5_counts_q;
  logic [63:0]       s5_data_q;
  logic [31:0]       s5_word_q;

  exalloc_pkg::lookaside_held_t high_water_word;
  always_comb begin
    high_water_word            = '0;
    high_water_word.high_water = shows_held ? FieldW'(high_water) : '0;
  end

  always_ff @(posedge clk_i) begin
    s4_valid_q     <= s3_valid_q;
    s4_read_q      <= s3_read_q;
    s4_popped_q    <= s3_popped_q;
    s4_tag_q       <= s3_tag_q;
    s4_status_q    <= s3_status_q;
    s4_data_q      <= s3_data_q;
    s4_depth_q     <= s3_depth_q;
    s4_held_q      <= s3_held_q;
    s4_reserved_q  <= s3_reserved_q;
    s4_word_q      <= s3_word_q;
    rsp_valid_o    <= s4_valid_q;
    rsp_tag_o      <= s4_tag_q;
    rsp_status_o   <= s4_status_q;
    rsp_depth_o    <= s4_depth_q;
    rsp_held_o     <= s4_held_q;
    rsp_reserved_o <= s4_reserved_q;
    s5_popped_q    <= s4_popped_q;
    s5_data_q      <= s4_data_q;
    read_valid_o   <= s4_read_q;
    s5_counts_q    <= !shows_depths && !shows_held;
    s5_word_q      <= s4_word_q | high_water_word;
    if (rst_i) begin
      s4_valid_q   <= 1'b0;
      s4_read_q    <= 1'b0;
      rsp_valid_o  <= 1'b0;
      read_valid_o <= 1'b0;
    end
  end

  assign rsp_data_o  = s5_popped_q ? 64'(entry) : s5_data_q;
  assign read_data_o = s5_counts_q ? count : s5_word_q;
  assign busy_o      = sweeping || s1_valid_q || s1_read_q || read_pending_q || s2_valid_q ||
                       s2_read_q || s3_valid_q || s3_read_q || s4_valid_q || s4_read_q ||
                       rsp_valid_o || read_valid_o;

  logic unused;
  assign unused = &{1'b0, read_addr_q[1:0], open_data, share_data, share_reserved[0],
                    share_room[0]};

endmodule

`default_nettype wire
