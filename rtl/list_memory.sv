// One word a list that is read, changed and written back, a list a cycle, in any order.
//
// Contract: idx_i names the list; two cycles later cur_o is its word, with every change before it,
// and with we_i next_i replaces it. After reset all words are set to 0, which ready_o ends; before
// that cur_o means nothing and we_i is ignored. The write port of the memory goes out, so that a
// copy with a read port of its own can be kept.
// Cost: a block RAM, two words of flip-flops for what is on its way there, one LUT level in cur_o.
`default_nettype none

module list_memory #(
    parameter int unsigned Depth    = 256,
    parameter int unsigned Width    = 32,
    parameter bit          UseBlock = 1'b1,
    localparam int unsigned IdxW    = Depth > 1 ? $clog2(Depth) : 1
) (
    input  wire              clk_i,
    input  wire              rst_i,
    output logic             ready_o,
    input  wire  [ IdxW-1:0] idx_i,
    output logic [Width-1:0] cur_o,
    input  wire              we_i,
    input  wire  [Width-1:0] next_i,
    output logic             wr_en_o,
    output logic [ IdxW-1:0] wr_idx_o,
    output logic [Width-1:0] wr_data_o
);

  logic [ IdxW-1:0] read_idx_q, cur_idx_q;
  logic [Width-1:0] stored, read_q;
  logic             newer_q;
  logic             late_we_q;    // what was written one cycle earlier
  logic [ IdxW-1:0] late_idx_q;
  logic [Width-1:0] late_data_q;
  logic             changed;

  slab_block_mem #(.Depth(Depth), .Width(Width), .UseBlock(UseBlock)) u_mem (
      .clk_i, .wr_en_i(wr_en_o), .wr_addr_i(wr_idx_o), .wr_data_i(wr_data_o), .rd_addr_i(idx_i),
      .rd_data_o(stored));

  assign changed = we_i && ready_o;
  assign cur_o   = newer_q ? wr_data_o : read_q;

  always_ff @(posedge clk_i) begin
    read_idx_q <= idx_i;
    cur_idx_q  <= read_idx_q;
    newer_q    <= changed && cur_idx_q == read_idx_q;
    if (wr_en_o && wr_idx_o == read_idx_q) begin
      read_q <= wr_data_o;
    end else if (late_we_q && late_idx_q == read_idx_q) begin
      read_q <= late_data_q;
    end else begin
      read_q <= stored;
    end

    late_we_q   <= wr_en_o;
    late_idx_q  <= wr_idx_o;
    late_data_q <= wr_data_o;
    wr_en_o     <= changed;
    wr_idx_o    <= cur_idx_q;
    wr_data_o   <= next_i;
    if (!ready_o) begin
      wr_en_o   <= 1'b1;
      wr_idx_o  <= wr_idx_o + 1'b1;
      wr_data_o <= '0;
      ready_o   <= wr_idx_o == IdxW'(Depth - 2);
    end
    if (rst_i) begin
      ready_o   <= 1'b0;
      newer_q   <= 1'b0;
      late_we_q <= 1'b0;
      wr_en_o   <= 1'b0;
      wr_idx_o  <= '1;
    end
  end

endmodule

`default_nettype wire
