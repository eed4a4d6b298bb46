// Counts the blocks of every list of the slab engine and tells which lists are depleted.
//
// Contract (docs/protocol.md, Counts and thresholds of a list): an update is taken in the cycle in
// which its ready is high; a register read that comes later sees it. A teller holds its update
// until then. tell: blocks handed out or given back. mon: what a command did, as a code of
// exalloc_pkg::BankOp* (open; link and trim with mon_blocks_i; close). error_i: one for the list,
// never held up. A total smaller than what is in use, which can be for a moment while slabs are
// being linked, is taken as no block free; numbers of blocks stay below 2^31. lists and depleted
// are register windows: writes are pulses, reads are answered once. depletion_o: a bit of depleted
// changed, other than by open and close; cnt_depletion_o: it was set. ready_o ends the sweep after
// reset; before that nothing but reads is taken, and they answer 0.
// How: one update or read a cycle, of any list after any other: what is still on its way to the
// memory is forwarded (list_memory). Stages after the choice: S takes the update, A and B read, E
// adds, F looks for a new high-water mark and takes what is free, G compares it with the
// thresholds, H changes the bit.
// Cost: 192 bits a list of block RAM, and twice 32 for refusals; a flip-flop a list.
`default_nettype none

module list_monitor #(
    parameter int unsigned NumSources = 12,
    parameter int unsigned NumLists   = 255,
    parameter int unsigned ValueW     = 32,   // bits of a count; less than 32 in proofs only
    parameter bit          UseBlock   = 1'b1
) (
    input  wire                     clk_i,
    input  wire                     rst_i,
    output logic                    ready_o,
    output logic                    busy_o,            // an update is on its way

    input  wire  [  NumSources-1:0] tell_valid_i,
    output logic [  NumSources-1:0] tell_ready_o,
    input  wire  [  NumSources-1:0] tell_release_i,
    input  wire  [NumSources*8-1:0] tell_list_i,
    input  wire  [NumSources*7-1:0] tell_count_i,

    input  wire                     mon_valid_i,
    output logic                    mon_ready_o,
    input  wire  [             2:0] mon_kind_i,
    input  wire  [             7:0] mon_list_i,
    input  wire  [            31:0] mon_blocks_i,

    input  wire                     error_i,
    input  wire  [             7:0] error_list_i,

    input  wire                     lists_we_i,
    input  wire  [            31:0] lists_wdata_i,
    input  wire                     lists_re_i,
    input  wire  [             7:0] lists_index_i,
    input  wire  [             4:0] lists_addr_i,
    output logic                    lists_rvalid_o,
    output logic [            31:0] lists_rdata_o,
    input  wire                     depleted_re_i,
    input  wire  [             2:0] depleted_index_i,
    output logic                    depleted_rvalid_o,
    output logic [            31:0] depleted_rdata_o,

    output logic                    depletion_o,
    output logic                    cnt_depletion_o
);

  if (NumSources < 1 || NumSources > 64) begin : g_bad_sources
    $error("list_monitor: NumSources must be 1 to 64");
  end
  if (NumLists < 1 || NumLists > exalloc_pkg::MaxLists) begin : g_bad_lists
    $error("list_monitor: NumLists must be 1 to 255");
  end
  if (ValueW < 8 || ValueW > 32 || ValueW % 2 != 0) begin : g_bad_value
    $error("list_monitor: ValueW must be even, 8 to 32");
  end

  localparam int unsigned IdxW = NumLists > 1 ? $clog2(NumLists) : 1;

  // What an update changes, or a read shows.
  typedef struct packed {
    logic granted;   // blocks handed out
    logic released;  // blocks given back
    logic linked;
    logic trimmed;
    logic open;
    logic close;
    logic set_low;
    logic set_high;
    logic show_list;
    logic show_depleted;
  } kind_t;

  typedef struct packed {
    logic [ValueW-1:0] total;
    logic [ValueW-1:0] in_use;
    logic [ValueW-1:0] granted;
    logic [ValueW-1:0] low;
    logic [ValueW-1:0] high;
  } counts_t;

  // ---- The choice: a register write, a register read, a command, the tellers in turn ----

  logic        write_q, read_q, read_depleted_q;
  logic [ 7:0] write_list_q, read_list_q;
  logic        write_high_q;
  logic [ 4:0] read_addr_q;
  logic [31:0] wdata_q;

  logic                  take_read, take_mon, take_tell;
  logic [NumSources-1:0] grant;
  logic                  grant_valid;
  logic [(NumSources > 1 ? $clog2(NumSources) : 1)-1:0] unused_idx;

  // Offers are seen a cycle late: they come from afar. A source served now sits out two turns: what
  // it offers is the same update still.
  logic [NumSources-1:0] offer_q;
  assign take_read = read_q && !lists_we_i;
  assign take_mon  = mon_valid_i && !mon_ready_o && ready_o && !lists_we_i && !read_q;
  assign take_tell = grant_valid && ready_o && !lists_we_i && !read_q &&
                     !(mon_valid_i && !mon_ready_o);

  rr_arbiter #(.N(NumSources)) u_arbiter (
      .clk_i, .rst_i, .req_i(offer_q & ~tell_ready_o), .advance_i(take_tell),
      .gnt_o(grant), .gnt_idx_o(unused_idx), .valid_o(grant_valid));

  logic slot_read_q;

  always_ff @(posedge clk_i) begin
    write_q      <= lists_we_i && ready_o && 32'(lists_index_i) < NumLists &&
                    (lists_addr_i == exalloc_pkg::RegDepletionLowOffset ||
                     lists_addr_i == exalloc_pkg::RegDepletionHighOffset);
    write_list_q <= lists_index_i;
    write_high_q <= lists_addr_i == exalloc_pkg::RegDepletionHighOffset;
    wdata_q      <= lists_wdata_i;
    if (take_read) read_q <= 1'b0;
    if (lists_re_i || depleted_re_i) begin
      read_q          <= 1'b1;
      read_depleted_q <= depleted_re_i;
      read_list_q     <= depleted_re_i ? {depleted_index_i, 5'd0} : lists_index_i;
      read_addr_q     <= lists_addr_i;
    end
    slot_read_q  <= take_read;
    offer_q      <= tell_valid_i & ~tell_ready_o;
    mon_ready_o  <= take_mon;
    tell_ready_o <= take_tell ? grant : '0;
    if (rst_i) begin
      write_q      <= 1'b0;
      read_q       <= 1'b0;
      slot_read_q  <= 1'b0;
      offer_q      <= '0;
      mon_ready_o  <= 1'b0;
      tell_ready_o <= '0;
    end
  end

  // ---- S: the update ----

  kind_t             s_kind;
  logic [       7:0] s_list;
  logic [ValueW-1:0] s_operand;
  logic [       7:0] told_list;
  logic [       6:0] told_count;
  always_comb begin
    told_list    = '0;
    told_count   = '0;
    for (int unsigned s = 0; s < NumSources; s = s + 1) begin
`ifdef EXALLOC_FAST_SIM  // the same by a branch
      if (tell_ready_o[s]) begin
        told_list  = told_list | tell_list_i[s*8+:8];
        told_count = told_count | tell_count_i[s*7+:7];
      end
`else
      told_list  = told_list | (tell_list_i[s*8+:8] & {8{tell_ready_o[s]}});
      told_count = told_count | (tell_count_i[s*7+:7] & {7{tell_ready_o[s]}});
`endif
    end
    s_kind               = '0;
    s_kind.granted       = (tell_ready_o & ~tell_release_i) != '0;
    s_kind.released      = (tell_ready_o & tell_release_i) != '0;
    s_kind.linked        = mon_ready_o && mon_kind_i == exalloc_pkg::BankOpLink;
    s_kind.trimmed       = mon_ready_o && mon_kind_i == exalloc_pkg::BankOpTrim;
    s_kind.open          = mon_ready_o && mon_kind_i == exalloc_pkg::BankOpOpen;
    s_kind.close         = mon_ready_o && mon_kind_i == exalloc_pkg::BankOpClose;
    s_kind.set_low       = write_q && !write_high_q;
    s_kind.set_high      = write_q && write_high_q;
    s_kind.show_list     = slot_read_q && !read_depleted_q;
    s_kind.show_depleted = slot_read_q && read_depleted_q;
    s_list = told_list | (mon_list_i & {8{mon_ready_o}}) | (write_list_q & {8{write_q}}) |
             (read_list_q & {8{slot_read_q}});
    s_operand = ValueW'(told_count) | (mon_blocks_i[ValueW-1:0] & {ValueW{mon_ready_o}}) |
                (wdata_q[ValueW-1:0] & {ValueW{write_q}});
  end

  // ---- A, B: the memory is read; E: the sums ----

  kind_t             a_kind_q, b_kind_q, e_kind_q, f_kind_q, g_kind_q;
  logic [       7:0] a_list_q, b_list_q, e_list_q, f_list_q, g_list_q, h_list_q;
  logic [ValueW-1:0] a_operand_q, b_operand_q, e_operand_q;
  logic [       4:0] e_addr_q, f_addr_q;
  logic [       4:0] a_addr_q, b_addr_q;
  logic              counts_ready, water_ready, refusals_ready, refusals_busy;
  logic              e_changes, f_changes_q, g_changes_q;

  counts_t           e_cur, e_next;
  logic [ValueW-1:0] e_in_use, e_granted, e_total;
  logic              unused_wr_en;
  logic [  IdxW-1:0] unused_wr_idx;
  counts_t           unused_wr_data;

  list_memory #(
      .Depth(1 << IdxW), .Width(5 * ValueW), .UseBlock(UseBlock)
  ) u_counts (
      .clk_i, .rst_i, .ready_o(counts_ready), .idx_i(a_list_q[IdxW-1:0]), .cur_o(e_cur),
      .we_i(e_changes), .next_i(e_next), .wr_en_o(unused_wr_en), .wr_idx_o(unused_wr_idx),
      .wr_data_o(unused_wr_data));

  list_add #(.Width(ValueW)) u_in_use (
      .a_i(e_cur.in_use), .b_i((e_operand_q ^ {ValueW{e_kind_q.released}}) &
                               {ValueW{e_kind_q.granted || e_kind_q.released}}),
      .carry_i(e_kind_q.released), .sum_o(e_in_use));
  list_add #(.Width(ValueW)) u_granted (
      .a_i(e_cur.granted), .b_i(e_operand_q & {ValueW{e_kind_q.granted}}), .carry_i(1'b0),
      .sum_o(e_granted));
  list_add #(.Width(ValueW)) u_total (
      .a_i(e_cur.total), .b_i((e_operand_q ^ {ValueW{e_kind_q.trimmed}}) &
                              {ValueW{e_kind_q.linked || e_kind_q.trimmed}}),
      .carry_i(e_kind_q.trimmed), .sum_o(e_total));

  always_comb begin
    e_changes = e_kind_q.granted || e_kind_q.released || e_kind_q.linked || e_kind_q.trimmed ||
                e_kind_q.open || e_kind_q.set_low || e_kind_q.set_high;
    e_next.total   = e_total;
    e_next.in_use  = e_in_use;
    e_next.granted = e_granted;
    e_next.low     = e_kind_q.set_low ? e_operand_q : e_cur.low;
    e_next.high    = e_kind_q.set_high ? e_operand_q : e_cur.high;
    if (e_kind_q.open) e_next = '0;
  end

  // ---- F: the high-water mark, one stage behind the others; G: thresholds; H: the bit ----

  logic [ValueW-1:0] f_total_q, f_in_use_q, f_low_q, f_high_q;
  logic [ValueW-1:0] f_water, f_water_next, f_free, f_shown_q, f_refusals, g_shown_q, h_shown_q;
  logic              f_rises, f_high_below;
  logic [ValueW-1:0] g_free_q, g_low_q, g_high_q;
  logic [ValueW-1:0] g_free;
  logic              g_below, g_short;
  logic              h_set_q, h_clear_q, h_silent_q, h_show_list_q, h_show_depleted_q;
  logic              unused_water_en;
  logic [  IdxW-1:0] unused_water_idx;
  logic [ValueW-1:0] unused_water_data;

  list_memory #(.Depth(1 << IdxW), .Width(ValueW), .UseBlock(UseBlock)) u_water (
      .clk_i, .rst_i, .ready_o(water_ready), .idx_i(b_list_q[IdxW-1:0]), .cur_o(f_water),
      .we_i(f_kind_q.open || f_rises), .next_i(f_water_next),
      .wr_en_o(unused_water_en), .wr_idx_o(unused_water_idx), .wr_data_o(unused_water_data));

  // Blocks of a GRANT's first lines may come back before the GRANT is told: then fewer than none
  // are in use for a moment, which is no new mark.
  logic f_more;
  list_less #(.Width(ValueW)) u_more (.a_i(f_water), .b_i(f_in_use_q), .less_o(f_more));
  assign f_rises = f_kind_q.granted && f_more && !f_in_use_q[ValueW-1];
  assign f_water_next = f_kind_q.open ? '0 : f_in_use_q;

  list_add #(.Width(ValueW)) u_free (
      .a_i(f_total_q), .b_i(~f_in_use_q), .carry_i(1'b1), .sum_o(f_free));
  list_less #(.Width(ValueW)) u_high (
      .a_i(f_high_q), .b_i(f_low_q), .less_o(f_high_below));

  assign g_free = g_free_q & {ValueW{!g_free_q[ValueW-1]}};
  list_less #(.Width(ValueW)) u_below (.a_i(g_free), .b_i(g_low_q), .less_o(g_below));
  list_less #(.Width(ValueW)) u_short (.a_i(g_free), .b_i(g_high_q), .less_o(g_short));

  list_refusals #(.NumLists(NumLists), .ValueW(ValueW), .UseBlock(UseBlock)) u_refusals (
      .clk_i, .rst_i, .ready_o(refusals_ready), .error_i, .error_list_i,
      .idx_i(b_list_q[IdxW-1:0]), .count_o(f_refusals), .busy_o(refusals_busy));

  assign ready_o = counts_ready && water_ready && refusals_ready;

  logic [255:0] depleted_q;  // a bit a list
  logic         h_depleted;
  assign h_depleted = depleted_q[h_list_q];

  always_ff @(posedge clk_i) begin
    a_kind_q    <= s_kind;
    a_list_q    <= s_list;
    a_operand_q <= s_operand;
    a_addr_q    <= read_addr_q;
    b_kind_q    <= a_kind_q;
    b_list_q    <= a_list_q;
    b_operand_q <= a_operand_q;
    b_addr_q    <= a_addr_q;
    e_kind_q    <= b_kind_q;
    e_list_q    <= b_list_q;
    e_operand_q <= b_operand_q;
    e_addr_q    <= b_addr_q;

    f_kind_q    <= e_kind_q;
    f_list_q    <= e_list_q;
    f_addr_q    <= e_addr_q;
    f_total_q   <= e_next.total;
    f_in_use_q  <= e_next.in_use;
    f_low_q     <= e_next.low;
    f_high_q    <= e_next.high;
    f_changes_q <= e_changes;
    case (e_addr_q)
      exalloc_pkg::RegListTotalOffset:     f_shown_q <= e_cur.total;
      exalloc_pkg::RegListInUseOffset:     f_shown_q <= e_cur.in_use;
      exalloc_pkg::RegListGrantedOffset:   f_shown_q <= e_cur.granted;
      exalloc_pkg::RegDepletionLowOffset:  f_shown_q <= e_cur.low;
      exalloc_pkg::RegDepletionHighOffset: f_shown_q <= e_cur.high;
      default:                             f_shown_q <= '0;
    endcase

    g_kind_q    <= f_kind_q;
    g_list_q    <= f_list_q;
    g_changes_q <= f_changes_q;
    g_free_q    <= f_free;
    g_low_q     <= f_low_q;
    g_high_q    <= f_high_below ? f_low_q : f_high_q;
    case (f_addr_q)
      exalloc_pkg::RegListHighWaterOffset: g_shown_q <= f_water;
      exalloc_pkg::RegListRefusalsOffset:  g_shown_q <= f_refusals;
      default:                             g_shown_q <= f_shown_q;
    endcase

    h_list_q          <= g_list_q;
    h_show_list_q     <= g_kind_q.show_list;
    h_show_depleted_q <= g_kind_q.show_depleted;
    h_silent_q        <= g_kind_q.open || g_kind_q.close;
    h_set_q   <= g_changes_q && g_below;
    h_clear_q <= g_kind_q.close || (g_changes_q && !g_short);
    h_shown_q <= (ready_o && 32'(g_list_q) < NumLists) ? g_shown_q : '0;

    for (int unsigned l = 0; l < NumLists; l = l + 1) begin
      if (h_list_q == 8'(l)) begin
        if (h_clear_q) depleted_q[l] <= 1'b0;
        else if (h_set_q) depleted_q[l] <= 1'b1;
      end
    end
    depletion_o       <= h_depleted ? h_clear_q && !h_silent_q : h_set_q;
    cnt_depletion_o   <= !h_depleted && h_set_q;
    lists_rvalid_o    <= h_show_list_q;
    depleted_rvalid_o <= h_show_depleted_q;
    lists_rdata_o     <= 32'(h_shown_q);
    busy_o            <= write_q || read_q || mon_valid_i || offer_q != '0 || refusals_busy ||
                         (s_kind | a_kind_q | b_kind_q | e_kind_q | f_kind_q | g_kind_q) != '0;
    depleted_rdata_o  <= depleted_q[{h_list_q[7:5], 5'd0}+:32];

    if (rst_i) begin
      a_kind_q          <= '0;
      b_kind_q          <= '0;
      e_kind_q          <= '0;
      f_kind_q          <= '0;
      g_kind_q          <= '0;
      h_show_list_q     <= 1'b0;
      h_show_depleted_q <= 1'b0;
      f_changes_q       <= 1'b0;
      g_changes_q       <= 1'b0;
      h_set_q           <= 1'b0;
      h_clear_q         <= 1'b0;
      depleted_q        <= '0;
      depletion_o       <= 1'b0;
      cnt_depletion_o   <= 1'b0;
      lists_rvalid_o    <= 1'b0;
      depleted_rvalid_o <= 1'b0;
    end
  end

endmodule

`default_nettype wire
