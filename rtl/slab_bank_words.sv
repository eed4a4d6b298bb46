// slab_bank_words: mask, owner, limit and successors of every slab, read and brought up to date.
//
// Contract: two cycles after ad_slab_i the fw_* outputs are what the memories hold, the mask as
// left by every earlier operation (the one in execute included). Owner, limit and successors are
// not forwarded: fw_linked_o and fw_stale_o tell that an operation in flight writes them. A LINK
// followed that closely by an operation that needs the owner is replayed; successors are not
// needed, because the list state still has all entries below a slab that was pushed so recently.
// Cost at 16 Ki slabs: 8 URAM (4 masks and owners, 4 successors), 3 block RAM, about 800 LUT.
`default_nettype none

module slab_bank_words #(
  parameter int unsigned NumSlabs  = 16384,
  parameter int unsigned SlabWidth = 64,
  parameter int unsigned Succ      = 3,
  parameter bit          UseUram   = 1'b1,
  localparam int unsigned AddrW    = $clog2(NumSlabs),
  localparam int unsigned BitW     = $clog2(SlabWidth)
) (
  input  logic                  clk_i,
  input  logic                  rst_i,
  input  logic                  sweeping_i,
  input  logic [AddrW-1:0]      sweep_slab_i,
  input  logic [AddrW-1:0]      ad_slab_i,
  input  logic [AddrW-1:0]      rd_slab_i,
  input  logic [AddrW-1:0]      fw_slab_i,
  input  logic [SlabWidth-1:0]  fw_bits_i,       // to be given back
  // what the operation in execute does to a slab
  input  logic                  ex_write_i,
  input  logic                  ex_push_i,       // writes the successors
  input  logic                  ex_link_i,       // writes the limit
  input  logic                  ex_erase_i,      // mask 0, no owner
  input  logic                  ex_take_i,       // a grant: takes quarter_i of the head's mask
  input  logic                  ex_exhaust_i,    // and leaves none
  input  logic [3:0]            ex_quarter_i,
  input  logic [SlabWidth-1:0]  ex_head_mask_i,
  input  logic [3:0]            ex_head_flags_i,
  input  logic [SlabWidth-1:0]  ex_word_mask_i,  // otherwise: adds bits to the word read
  input  logic [3:0]            ex_word_flags_i,
  input  logic [SlabWidth-1:0]  ex_bits_i,
  input  logic [3:0]            ex_bits_flags_i,
  input  logic [AddrW-1:0]      ex_target_i,
  input  logic [7:0]            ex_list_i,
  input  logic [BitW-1:0]       ex_limit_i,
  input  logic [Succ*AddrW-1:0] ex_succ_ids_i,
  input  logic [Succ-1:0]       ex_succ_exist_i,
  // the word
  output logic [SlabWidth-1:0]  fw_mask_o,
  output logic [3:0]            fw_flags_o,      // quarters of the mask that are not 0
  output logic [3:0]            fw_double_o,     // quarters with a bit of fw_bits_i already free
  output logic                  fw_zero_o,       // the mask is 0
  output logic [7:0]            fw_owner_o,
  output logic [BitW-1:0]       fw_limit_o,
  output logic                  fw_linked_o,
  output logic                  fw_stale_o,
  output logic [Succ*AddrW-1:0] fw_succ_ids_o,
  output logic [Succ-1:0]       fw_succ_exist_o
);
  localparam logic [7:0] NoOwner = 8'(exalloc_pkg::MaxLists);
  localparam int unsigned QuarterW = SlabWidth / 4;
  localparam int unsigned LinkW    = Succ * (AddrW + 1);

  logic wb_write_q, wb_push_q, wb_link_q, w2_write_q, w2_push_q, w2_link_q;
  logic [AddrW-1:0] wb_slab_q, w2_slab_q;
  logic [SlabWidth-1:0] ex_mask, wb_mask_q, w2_mask_q, w3_mask_q;
  logic [3:0] ex_flags, wb_flags_q, w2_flags_q, w3_flags_q;
  logic [7:0] wb_owner_q;
  logic [BitW-1:0] wb_limit_q, rd_limit;
  logic [LinkW-1:0] ex_links, wb_links_q, fw_links;
  logic [SlabWidth+7:0] fw_word;

  slab_wide_mem #(
    .Depth(NumSlabs), .Width(SlabWidth + 8), .UseUram(UseUram)
  ) u_masks (
    .clk_i,
    .wr_en_i  (wb_write_q || sweeping_i),
    .wr_addr_i(sweeping_i ? sweep_slab_i : wb_slab_q),
    .wr_data_i({wb_owner_q, wb_mask_q}),
    .rd_addr_i(ad_slab_i),
    .rd_data_o(fw_word)
  );
  slab_wide_mem #(
    .Depth(NumSlabs), .Width(LinkW), .UseUram(UseUram)
  ) u_links (
    .clk_i,
    .wr_en_i  (wb_push_q),
    .wr_addr_i(wb_slab_q),
    .wr_data_i(wb_links_q),
    .rd_addr_i(ad_slab_i),
    .rd_data_o(fw_links)
  );
  slab_block_mem #(
    .Depth(NumSlabs), .Width(BitW), .UseBlock(UseUram)
  ) u_limits (
    .clk_i,
    .wr_en_i  (wb_link_q),
    .wr_addr_i(wb_slab_q),
    .wr_data_i(wb_limit_q),
    .rd_addr_i(ad_slab_i),
    .rd_data_o(rd_limit)
  );

  assign ex_links = {ex_succ_exist_i, ex_succ_ids_i};
  assign {fw_succ_exist_o, fw_succ_ids_o} = fw_links;

  // What execute writes
  always_comb begin
    ex_mask  = ex_word_mask_i | ex_bits_i;
    ex_flags = ex_word_flags_i | ex_bits_flags_i;
    if (ex_take_i) begin
      ex_flags = ex_head_flags_i & ~ex_quarter_i;
      for (int unsigned q = 0; q < 4; q++) begin
        ex_mask[q*QuarterW +: QuarterW] =
            ex_head_mask_i[q*QuarterW +: QuarterW] & {QuarterW{!ex_quarter_i[q]}};
      end
    end
    if (ex_erase_i) begin
      ex_mask  = '0;
      ex_flags = '0;
    end
  end
  always_ff @(posedge clk_i) begin
    wb_write_q <= ex_write_i && !rst_i;
    wb_push_q  <= ex_push_i && !rst_i;
    wb_link_q  <= ex_link_i && !rst_i;
    wb_slab_q  <= ex_target_i;
    wb_mask_q  <= ex_mask;
    wb_flags_q <= ex_flags;
    wb_owner_q <= ex_erase_i ? NoOwner : ex_list_i;
    wb_limit_q <= ex_limit_i;
    wb_links_q <= ex_links;
    // The sweep writes what stands in the write stage.
    if (rst_i || sweeping_i) begin
      wb_mask_q  <= '0;
      wb_owner_q <= NoOwner;
    end
    w2_write_q <= wb_write_q && !rst_i;
    w2_push_q  <= wb_push_q;
    w2_link_q  <= wb_link_q;
    w2_slab_q  <= wb_slab_q;
    w2_mask_q  <= wb_mask_q;
    w2_flags_q <= wb_flags_q;
    w3_mask_q  <= w2_mask_q;
    w3_flags_q <= w2_flags_q;
  end

  // Read stage: the writes the memories miss, found one stage before their words are needed
  logic rd_hit_ex, rd_hit_wb, rd_hit_w2, fw_hit_ex, fw_linked_q, fw_stale_q;
  logic [1:0] fw_from_q;
  assign rd_hit_ex = ex_write_i && ex_target_i == rd_slab_i;
  assign rd_hit_wb = wb_write_q && wb_slab_q == rd_slab_i;
  assign rd_hit_w2 = w2_write_q && w2_slab_q == rd_slab_i;
  always_ff @(posedge clk_i) begin
    fw_limit_o  <= rd_limit;
    fw_from_q   <= rd_hit_ex ? 2'd1 : rd_hit_wb ? 2'd2 : rd_hit_w2 ? 2'd3 : 2'd0;
    fw_linked_q <= (rd_hit_ex && ex_link_i) || (rd_hit_wb && wb_link_q) ||
                   (rd_hit_w2 && w2_link_q);
    fw_stale_q  <= (rd_hit_ex && ex_push_i) || (rd_hit_wb && wb_push_q) ||
                   (rd_hit_w2 && w2_push_q);
  end

  // Forward stage: everything that can be known without execute's decision is computed for each of
  // its outcomes; the decision only chooses.
  logic [SlabWidth-1:0] old_mask;
  logic [3:0] word_flags, old_flags, old_double, take_double, add_double;
  always_comb begin
    for (int unsigned q = 0; q < 4; q++) word_flags[q] = |fw_word[q*QuarterW +: QuarterW];
    old_mask  = fw_from_q[1] ? (fw_from_q[0] ? w3_mask_q : w2_mask_q)
                             : (fw_from_q[0] ? wb_mask_q : fw_word[SlabWidth-1:0]);
    old_flags = fw_from_q[1] ? (fw_from_q[0] ? w3_flags_q : w2_flags_q)
                             : (fw_from_q[0] ? wb_flags_q : word_flags);
    for (int unsigned q = 0; q < 4; q++) begin
      old_double[q]  = |(fw_bits_i[q*QuarterW +: QuarterW] & old_mask[q*QuarterW +: QuarterW]);
      take_double[q] = |(fw_bits_i[q*QuarterW +: QuarterW] &
                         ex_head_mask_i[q*QuarterW +: QuarterW]);
      add_double[q]  = |(fw_bits_i[q*QuarterW +: QuarterW] &
                         (ex_word_mask_i[q*QuarterW +: QuarterW] |
                          ex_bits_i[q*QuarterW +: QuarterW]));
    end
    fw_hit_ex   = ex_write_i && ex_target_i == fw_slab_i;
    fw_mask_o   = fw_hit_ex ? ex_mask : old_mask;
    fw_flags_o  = fw_hit_ex ? ex_flags : old_flags;
    fw_double_o = !fw_hit_ex ? old_double : ex_take_i ? take_double & ~ex_quarter_i : add_double;
    fw_zero_o   = fw_hit_ex ? ex_exhaust_i : old_flags == 4'd0;
    fw_linked_o = fw_linked_q || (fw_hit_ex && ex_link_i);
    fw_stale_o  = fw_stale_q || (fw_hit_ex && ex_push_i);
    fw_owner_o  = fw_word[SlabWidth +: 8];
  end
endmodule

`default_nettype wire
