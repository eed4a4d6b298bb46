// slab_bank_lists: the state of every list (see slab_bank_order), read for two stages and
// forwarded.
//
// Contract: pr_* is the state of the list that was issued two cycles ago, fw_* and ex_* that of the
// list whose address was given two and three cycles ago. ex_* includes every earlier operation;
// pr_* all but the four in between, which slab_bank_predict counts; fw_* all but the one in
// execute. A memory read is old by three operations (execute, write, w2) when its data comes; each
// of them is matched one stage early and the choice among the four is one LUT a bit.
// Cost: 6 block RAM for the state, 2 for choose's copy, which has no masks; about 3 LUT a state
// bit.
`default_nettype none

module slab_bank_lists #(
  parameter int unsigned AddrW     = 14,
  parameter int unsigned SlabWidth = 64,
  parameter int unsigned NumLists  = 256,
  parameter int unsigned Window    = 9,
  parameter int unsigned Cached    = 4,
  parameter bit          UseBlock  = 1'b1,
  localparam int unsigned Reach     = Window - 1,  // entries that choose sees
  localparam int unsigned ListAddrW = NumLists > 1 ? $clog2(NumLists) : 1
) (
  input  logic                        clk_i,
  input  logic                        rst_i,
  input  logic                        sweeping_i,
  input  logic [ListAddrW-1:0]        sweep_list_i,
  // the lists in the stages, and which of them will write a state
  input  logic [7:0]                  is_list_i,
  input  logic [7:0]                  ad_list_i,
  input  logic [7:0]                  rd_list_i,
  input  logic [7:0]                  fw_list_i,
  input  logic                        fw_writes_i,
  input  logic [7:0]                  ex_list_i,
  input  logic                        ex_writes_i,
  // choose
  output logic [Reach*AddrW-1:0]      pr_ids_o,
  output logic [Reach-1:0]            pr_exist_o,
  output logic [Cached-1:0]           pr_ready_o,
  output logic                        pr_hint_o,
  // forward
  output logic                        fw_same_ex_o,   // the operation in execute is of this list
  output logic [(Cached+1)*AddrW-1:0] fw_ids_o,
  output logic [Cached:0]             fw_exist_o,
  output logic                        fw_head_ready_o,
  output logic [SlabWidth-1:0]        fw_head_mask_o,
  // execute: the state, and what becomes of it
  output logic [Window*AddrW-1:0]     ex_ids_o,
  output logic [Window-1:0]           ex_known_o,
  output logic [Window-1:0]           ex_exist_o,
  output logic [Cached-1:0]           ex_ready_o,
  output logic [Cached*4-1:0]         ex_flags_o,
  output logic [Cached*SlabWidth-1:0] ex_masks_o,
  output logic                        ex_hint_o,
  input  logic [Window*AddrW-1:0]     nx_ids_i,
  input  logic [Window-1:0]           nx_known_i,
  input  logic [Window-1:0]           nx_exist_i,
  input  logic [Cached-1:0]           nx_ready_i,
  input  logic [Cached*4-1:0]         nx_flags_i,
  input  logic [Cached*SlabWidth-1:0] nx_masks_i,
  input  logic                        nx_hint_i,
  // the write of a state, for the other memory addressed by list
  output logic [ListAddrW-1:0]        wr_list_o,
  output logic                        writing_o       // an operation is in write or w2
);
  // Layout, from bit 0: ready, exist, ids, hint, flags, masks, known. Choose's copy has the first
  // four, without the last entry.
  localparam int unsigned NumbersW = Cached + Window + Window * AddrW + 1;
  localparam int unsigned ChooseW  = Cached + Reach + Reach * AddrW + 1;
  localparam int unsigned StateW   = NumbersW + Cached * 4 + Cached * SlabWidth + Window;

  logic [StateW-1:0] rd_state, fw_state_q, fw_state_d, ex_state_q, ex_state_d;
  logic [StateW-1:0] wb_state_q, w2_state_q;
  logic [ChooseW-1:0] ct_state, pr_state_q, pr_state_d;
  logic [7:0] wb_list_q;
  logic wb_valid_q, w2_valid_q;

  function automatic logic [ChooseW-1:0] choose_part(input logic [NumbersW-1:0] numbers);
    choose_part = {numbers[NumbersW-1], numbers[Cached+Window +: Reach*AddrW],
                   numbers[0 +: Cached+Reach]};
  endfunction

  assign {pr_hint_o, pr_ids_o, pr_exist_o, pr_ready_o} = pr_state_q;
  assign fw_head_ready_o = fw_state_q[0];
  assign fw_exist_o      = fw_state_q[Cached +: Cached + 1];
  assign fw_ids_o        = fw_state_q[Cached + Window +: (Cached+1)*AddrW];
  assign fw_head_mask_o  = fw_state_q[NumbersW + Cached*4 +: SlabWidth];
  assign {ex_known_o, ex_masks_o, ex_flags_o, ex_hint_o, ex_ids_o, ex_exist_o, ex_ready_o} =
      ex_state_q;
  assign ex_state_d =
      {nx_known_i, nx_masks_i, nx_flags_i, nx_hint_i, nx_ids_i, nx_exist_i, nx_ready_i};

  assign wr_list_o = sweeping_i ? sweep_list_i : wb_list_q[ListAddrW-1:0];
  assign writing_o = wb_valid_q || w2_valid_q;
  slab_block_mem #(
    .Depth(2 ** ListAddrW), .Width(StateW), .UseBlock(UseBlock)
  ) u_state (
    .clk_i,
    .wr_en_i  (wb_valid_q || sweeping_i),
    .wr_addr_i(wr_list_o),
    .wr_data_i(wb_state_q),
    .rd_addr_i(ad_list_i[ListAddrW-1:0]),
    .rd_data_o(rd_state)
  );
  slab_block_mem #(
    .Depth(2 ** ListAddrW), .Width(ChooseW), .UseBlock(UseBlock)
  ) u_choose (
    .clk_i,
    .wr_en_i  (wb_valid_q || sweeping_i),
    .wr_addr_i(wr_list_o),
    .wr_data_i(choose_part(wb_state_q[NumbersW-1:0])),
    .rd_addr_i(is_list_i[ListAddrW-1:0]),
    .rd_data_o(ct_state)
  );

  // Where the state comes from: 0 the memory, 1 execute, 2 write, 3 w2 (the newest wins).
  logic [1:0] ct_from_d, ct_from_q, rd_from_d, rd_from_q;
  always_comb begin
    ct_from_d = 2'd0;
    rd_from_d = 2'd0;
    if (wb_valid_q && wb_list_q == is_list_i) ct_from_d = 2'd3;
    if (ex_writes_i && ex_list_i == is_list_i) ct_from_d = 2'd2;
    if (fw_writes_i && fw_list_i == is_list_i) ct_from_d = 2'd1;
    if (wb_valid_q && wb_list_q == ad_list_i) rd_from_d = 2'd3;
    if (ex_writes_i && ex_list_i == ad_list_i) rd_from_d = 2'd2;
    if (fw_writes_i && fw_list_i == ad_list_i) rd_from_d = 2'd1;
    pr_state_d = ct_from_q[1] ? (ct_from_q[0] ? choose_part(w2_state_q[NumbersW-1:0])
                                               : choose_part(wb_state_q[NumbersW-1:0]))
                              : (ct_from_q[0] ? choose_part(ex_state_d[NumbersW-1:0]) : ct_state);
    fw_state_d = rd_from_q[1] ? (rd_from_q[0] ? w2_state_q : wb_state_q)
                              : (rd_from_q[0] ? ex_state_d : rd_state);
  end

  always_ff @(posedge clk_i) begin
    ct_from_q    <= ct_from_d;
    rd_from_q    <= rd_from_d;
    fw_same_ex_o <= fw_writes_i && fw_list_i == rd_list_i;
    pr_state_q   <= pr_state_d;
    fw_state_q   <= fw_state_d;
    ex_state_q   <= fw_same_ex_o ? ex_state_d : fw_state_q;
    wb_state_q   <= ex_state_d;
    wb_list_q    <= ex_list_i;
    wb_valid_q   <= ex_writes_i && !rst_i;
    w2_state_q   <= wb_state_q;
    w2_valid_q   <= wb_valid_q && !rst_i;
    // The sweep writes what stands in the write stage; numbers and masks of an empty list are free.
    if (rst_i || sweeping_i) begin
      wb_state_q[StateW-1 -: Window]   <= Window'(1);
      wb_state_q[0 +: Cached + Window] <= '0;
    end
  end
endmodule

`default_nettype wire
