// slab_bank_check: whether an operation is allowed, as far as its list, domain, owner and range
// decide.
//
// Contract: fw_status_o is the first cause of refusal in the order of the specification, OK if
// there is none. Double frees and empty lists are found in execute. OPEN and CLOSE run alone, so
// what they write about a list needs no forwarding. Also brings, in step with the operation, the
// highest block of its mask and which quarters it touches.
// Cost: half a block RAM, about 150 LUT.
`default_nettype none

module slab_bank_check #(
  parameter int unsigned SlabWidth = 64,
  parameter int unsigned NumLists  = 256,
  parameter int unsigned DomainW   = 6,
  parameter bit          UseBlock  = 1'b1,
  localparam int unsigned BitW      = $clog2(SlabWidth),
  localparam int unsigned ListAddrW = NumLists > 1 ? $clog2(NumLists) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_i,
  input  logic                 sweeping_i,
  // address stage
  input  logic [ListAddrW-1:0] ad_list_i,
  input  logic [SlabWidth-1:0] ad_bits_i,
  // forward stage
  input  logic [2:0]           fw_op_i,
  input  logic [7:0]           fw_list_i,
  input  logic                 fw_usable_i,
  input  logic [DomainW-1:0]   fw_domain_i,
  input  logic [7:0]           fw_owner_i,
  input  logic [BitW-1:0]      fw_limit_i,
  output logic [3:0]           fw_status_o,
  // execute stage: an OPEN or CLOSE that was not refused
  input  logic                 ex_clear_i,
  input  logic                 ex_open_i,
  input  logic [DomainW-1:0]   ex_domain_i,
  input  logic [ListAddrW-1:0] wr_list_i,       // its list, one stage later
  output logic [BitW-1:0]      ex_top_o,
  output logic [3:0]           ex_bits_flags_o
);
  localparam logic [7:0] NoOwner = 8'(exalloc_pkg::MaxLists);
  localparam int unsigned QuarterW = SlabWidth / 4;

  // Is the list open, and whose is it?
  logic wb_write_q, wb_open_q;
  logic [DomainW-1:0] wb_domain_q;
  logic [DomainW:0] rd_info, fw_info_q;
  slab_block_mem #(
    .Depth(2 ** ListAddrW), .Width(DomainW + 1), .UseBlock(UseBlock)
  ) u_info (
    .clk_i,
    .wr_en_i  (wb_write_q || sweeping_i),
    .wr_addr_i(wr_list_i),
    .wr_data_i({wb_open_q, wb_domain_q}),
    .rd_addr_i(ad_list_i),
    .rd_data_o(rd_info)
  );
  always_ff @(posedge clk_i) begin
    fw_info_q   <= rd_info;
    wb_write_q  <= ex_clear_i && !rst_i;
    wb_open_q   <= ex_open_i && !sweeping_i && !rst_i;
    wb_domain_q <= ex_domain_i;
  end

  // The highest block asked for, in each quarter and then of all
  logic [3:0] ad_flags, rd_flags_q, fw_flags_q;
  logic [4*BitW-1:0] ad_tops, rd_tops_q;
  logic [BitW-1:0] rd_top, fw_top_q;
  always_comb begin
    ad_tops = '0;
    rd_top  = '0;
    for (int unsigned q = 0; q < 4; q++) begin
      ad_flags[q] = |ad_bits_i[q*QuarterW +: QuarterW];
      for (int unsigned b = 0; b < QuarterW; b++) begin
        if (ad_bits_i[q*QuarterW + b]) ad_tops[q*BitW +: BitW] = BitW'(q * QuarterW + b);
      end
      if (rd_flags_q[q]) rd_top = rd_tops_q[q*BitW +: BitW];
    end
  end
  always_ff @(posedge clk_i) begin
    rd_flags_q      <= ad_flags;
    rd_tops_q       <= ad_tops;
    fw_flags_q      <= rd_flags_q;
    fw_top_q        <= rd_top;
    ex_bits_flags_o <= fw_flags_q;
    ex_top_o        <= fw_top_q;
  end

  logic open, closed, own_domain, own_slab, in_range;
  assign open       = fw_usable_i && fw_info_q[DomainW];
  assign closed     = fw_usable_i && !fw_info_q[DomainW];
  assign own_domain = fw_info_q[DomainW-1:0] == fw_domain_i;
  assign own_slab   = fw_owner_i == fw_list_i;
  assign in_range   = fw_flags_q != 4'd0 && fw_top_q <= fw_limit_i;
  always_comb begin
    fw_status_o = exalloc_pkg::StatusOk;
    case (fw_op_i)
      exalloc_pkg::BankOpGrant: begin
        if (!open) fw_status_o = exalloc_pkg::StatusBadList;
        else if (!own_domain) fw_status_o = exalloc_pkg::StatusDomain;
      end
      exalloc_pkg::BankOpRelease: begin
        if (!open) fw_status_o = exalloc_pkg::StatusBadList;
        else if (!own_domain) fw_status_o = exalloc_pkg::StatusDomain;
        else if (!own_slab) fw_status_o = exalloc_pkg::StatusForeign;
        else if (!in_range) fw_status_o = exalloc_pkg::StatusRange;
      end
      exalloc_pkg::BankOpLink: begin
        if (!open) fw_status_o = exalloc_pkg::StatusBadList;
        else if (fw_owner_i != NoOwner) fw_status_o = exalloc_pkg::StatusSlabInUse;
      end
      exalloc_pkg::BankOpTrim, exalloc_pkg::BankOpClose: begin
        if (!open) fw_status_o = exalloc_pkg::StatusBadList;
      end
      exalloc_pkg::BankOpOpen: if (!closed) fw_status_o = exalloc_pkg::StatusBadList;
      exalloc_pkg::BankOpUnlink: begin
        if (!closed) fw_status_o = exalloc_pkg::StatusBadList;
        else if (!own_slab) fw_status_o = exalloc_pkg::StatusForeign;
      end
      default: fw_status_o = exalloc_pkg::StatusBadCommand;
    endcase
  end
endmodule

`default_nettype wire
