// slab_wide_mem: one word per slab, one write and one read a cycle, read data two cycles later.
//
// Contract: rd_data_o holds the word of the address presented two rising edges ago. A read does not
// see a write of the same cycle; the reader forwards (slab_bank_mask). No initial value: the bank
// sweeps. Cost: one URAM288 per 4096 words of up to 72 bits, one LUT per data bit to choose among
// four of them.
//
// Deep memories are banked by hand: Yosys muxes them without a register, so the second read
// register is put behind that multiplexer, one LUT level after the RAM.
`default_nettype none

module slab_wide_mem #(
  parameter int unsigned Depth   = 16384,
  parameter int unsigned Width   = 72,
  parameter bit          UseUram = 1'b1,
  localparam int unsigned AddrW  = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             wr_en_i,
  input  logic [AddrW-1:0] wr_addr_i,
  input  logic [Width-1:0] wr_data_i,
  input  logic [AddrW-1:0] rd_addr_i,
  output logic [Width-1:0] rd_data_o
);
  localparam int unsigned RowsMax = 4096;

  if (Depth <= RowsMax) begin : gen_single
    logic [Width-1:0] latch_q;
    if (UseUram) begin : gen_uram
      (* ram_style = "ultra" *) logic [Width-1:0] mem [Depth];
      always_ff @(posedge clk_i) begin
        if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
        latch_q <= mem[rd_addr_i];
      end
    end else begin : gen_any
      logic [Width-1:0] mem [Depth];
      always_ff @(posedge clk_i) begin
        if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
        latch_q <= mem[rd_addr_i];
      end
    end
    always_ff @(posedge clk_i) rd_data_o <= latch_q;
  end else begin : gen_banked
    localparam int unsigned Banks = Depth / RowsMax;
    localparam int unsigned RowW  = $clog2(RowsMax);
    localparam int unsigned BankW = AddrW - RowW;
    logic [Banks*Width-1:0] latch_q;
    logic [Width-1:0] chosen;
    logic [BankW-1:0] bank_q;
    for (genvar b = 0; b < Banks; b++) begin : gen_bank
      logic [Width-1:0] read_q;
      logic wr_here;
      assign wr_here = wr_en_i && wr_addr_i[AddrW-1:RowW] == BankW'(b);
      if (UseUram) begin : gen_uram
        (* ram_style = "ultra" *) logic [Width-1:0] mem [RowsMax];
        always_ff @(posedge clk_i) begin
          if (wr_here) mem[wr_addr_i[RowW-1:0]] <= wr_data_i;
          read_q <= mem[rd_addr_i[RowW-1:0]];
        end
      end else begin : gen_any
        logic [Width-1:0] mem [RowsMax];
        always_ff @(posedge clk_i) begin
          if (wr_here) mem[wr_addr_i[RowW-1:0]] <= wr_data_i;
          read_q <= mem[rd_addr_i[RowW-1:0]];
        end
      end
      assign latch_q[b*Width +: Width] = read_q;
    end
    always_comb begin
      chosen = '0;
      for (int unsigned b = 0; b < Banks; b++) begin
        if (bank_q == BankW'(b)) chosen = latch_q[b*Width +: Width];
      end
    end
    always_ff @(posedge clk_i) begin
      bank_q    <= rd_addr_i[AddrW-1:RowW];
      rd_data_o <= chosen;
    end
  end
endmodule

`default_nettype wire
