// Keeps the answers of the banks to one requester's operations until they are looked at.
//
// Contract: an operation carries a slot number; its answer is written there, any number of banks at
// a time. The reader names slot and bank and sees the answer in the same cycle. pending_o is high
// from the cycle after sent_i until the cycle after the last answer; came_o, refused_o and failed_o
// say that since clear_i the slot's answer has come, that an answer had a status other than ok and
// empty, and other than ok.
// Cost: one
// small distributed memory a bank, one bank multiplexer on the reading side.
`default_nettype none

module response_slots #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned SlotW     = 4,
    parameter int unsigned SlabW     = 14,
    parameter int unsigned QuarterW  = 16,
    localparam int unsigned BankW    = $clog2(NumBanks)
) (
    input  wire                           clk_i,
    input  wire                           rst_i,
    input  wire                           clear_i,
    input  wire                           sent_i,
    output logic                          pending_o,
    output logic [(1<<SlotW)-1:0]         came_o,
    output logic                          refused_o,
    output logic                          failed_o,
    input  wire  [NumBanks-1:0]           rsp_valid_i,
    input  wire  [NumBanks*SlotW-1:0]     rsp_slot_i,
    input  wire  [NumBanks*4-1:0]         rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]     rsp_slab_i,
    input  wire  [NumBanks*2-1:0]         rsp_quarter_i,
    input  wire  [NumBanks*QuarterW-1:0]  rsp_bits_i,
    input  wire  [SlotW-1:0]              read_slot_i,
    input  wire  [BankW-1:0]              read_bank_i,
    output logic [3:0]                    read_status_o,
    output logic [SlabW-1:0]              read_slab_o,
    output logic [1:0]                    read_quarter_o,
    output logic [QuarterW-1:0]           read_bits_o
);

  localparam int unsigned Width = 4 + SlabW + 2 + QuarterW;
  localparam int unsigned CountW = SlotW + 1;

  logic [NumBanks*Width-1:0] answers;
  logic [NumBanks-1:0]       failed;
  logic [NumBanks-1:0]       refused;
  logic [(1<<SlotW)-1:0]     coming;
  logic [CountW-1:0]         pending_q;
  logic [CountW-1:0]         answered;
  logic                      sent_q;

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_bank
    (* ram_style = "distributed" *) logic [Width-1:0] memory[1 << SlotW];

    always_ff @(posedge clk_i) begin
      if (rsp_valid_i[b]) begin
        memory[rsp_slot_i[b*SlotW +: SlotW]] <= {rsp_status_i[b*4 +: 4],
                                                 rsp_slab_i[b*SlabW +: SlabW],
                                                 rsp_quarter_i[b*2 +: 2],
                                                 rsp_bits_i[b*QuarterW +: QuarterW]};
      end
    end

    assign answers[b*Width +: Width] = memory[read_slot_i];
    assign failed[b]  = rsp_valid_i[b] && rsp_status_i[b*4 +: 4] != exalloc_pkg::StatusOk;
    assign refused[b] = failed[b] && rsp_status_i[b*4 +: 4] != exalloc_pkg::StatusEmpty;
  end

`ifdef EXALLOC_FAST_SIM
  always_comb begin
    coming = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      coming = coming | ((1 << SlotW)'(rsp_valid_i[b]) << rsp_slot_i[b*SlotW +: SlotW]);
    end
  end
`else
  always_comb begin
    coming = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      for (int unsigned i = 0; i < (1 << SlotW); i = i + 1) begin
        coming[i] = coming[i] || (rsp_valid_i[b] && rsp_slot_i[b*SlotW +: SlotW] == SlotW'(i));
      end
    end
  end
`endif

  // Written out, because a computed part-select becomes a shifter with adders.
  always_comb begin
    {read_status_o, read_slab_o, read_quarter_o, read_bits_o} = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (read_bank_i == BankW'(b)) begin
        {read_status_o, read_slab_o, read_quarter_o, read_bits_o} = answers[b*Width +: Width];
      end
    end
  end

  // Answers of this cycle. Up to four banks as a table: a sum would become carry chains in a row.
  if (NumBanks <= 4) begin : g_table
    logic [3:0] valid;
    logic [2:0] ones;
    assign valid    = 4'(rsp_valid_i);
    assign ones[0]  = ^valid;
    assign ones[1]  = ((valid[0] || valid[1]) && (valid[2] || valid[3]) && !(&valid)) ||
                      (&valid[1:0] && !(&valid[3:2])) || (&valid[3:2] && !(&valid[1:0]));
    assign ones[2]  = &valid;
    assign answered = CountW'(ones);
  end else begin : g_sum
    always_comb begin
      answered = '0;
      for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
        answered = answered + CountW'(rsp_valid_i[b]);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      sent_q    <= 1'b0;
      pending_q <= '0;
      pending_o <= 1'b0;
    end else begin
      sent_q    <= sent_i;  // counted a cycle late: the answer takes longer than that
      pending_q <= pending_q + CountW'(sent_q) - answered;
      pending_o <= sent_i || sent_q || pending_q != answered;
    end
    came_o    <= (rst_i || clear_i) ? '0 : came_o | coming;
    refused_o <= !rst_i && !clear_i && (refused_o || (|refused));
    failed_o  <= !rst_i && !clear_i && (failed_o || (|failed));
  end

endmodule

`default_nettype wire
