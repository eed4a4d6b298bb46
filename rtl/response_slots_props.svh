// What response_slots promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr NumBanks=2 SlotW=2 SlabW=2 QuarterW=2
//@ pending: pending_o is low only when every operation sent has been answered
//@ wrong: s/pending_o <= sent_i \|\| sent_q \|\|/pending_o <= sent_q ||/
//@ remembered: came_o, refused_o and failed_o say exactly whether such an answer came since clear_i
//@ wrong: s/refused_o \|\| \(\|refused\)/(|refused)/
//@ reads_answer: what is read is the answer of that bank to that slot, unchanged
//@ wrong: s/if \(read_bank_i == BankW'\(b\)\)/if (read_bank_i == BankW'(b) || NumBanks == 2)/
//@ fast_form: the slots answered are those that EXALLOC_FAST_SIM finds by shifts
//@ wrong: s/coming\[i\] = coming\[i\] \|\| /coming[i] = /

logic [CountW-1:0] fv_out_q, fv_answered;  // sent and not answered
logic              fv_sent_q;
logic              fv_refused_q, fv_failed_q;
logic              fv_came_q, fv_coming;  // of one slot, any
always_comb begin
  fv_answered = '0;
  for (int unsigned b = 0; b < NumBanks; b = b + 1) fv_answered = fv_answered + CountW'(rsp_valid_i[b]);
end
always_ff @(posedge clk_i) begin
  fv_out_q     <= rst_i ? '0 : fv_out_q + CountW'(sent_i) - fv_answered;
  fv_sent_q    <= sent_i && !rst_i;
  fv_refused_q <= !rst_i && !clear_i && (fv_refused_q || refused != '0);
  fv_failed_q  <= !rst_i && !clear_i && (fv_failed_q || failed != '0);
  fv_came_q    <= !rst_i && !clear_i && (fv_came_q || fv_coming);
end

// One slot of one bank, any: what was answered there last.
logic [SlotW-1:0] fv_slot;
logic [BankW-1:0] fv_bank;
logic [SlotW-1:0] fv_slot_q;
logic [BankW-1:0] fv_bank_q;
logic             fv_known_q;
logic [Width-1:0] fv_answer_q;
assign fv_slot = fv_run_q ? fv_slot_q : read_slot_i;
assign fv_bank = fv_run_q ? fv_bank_q : read_bank_i;
always_comb begin
  fv_coming = 1'b0;
  for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
    if (rsp_valid_i[b] && rsp_slot_i[b*SlotW+:SlotW] == fv_slot) fv_coming = 1'b1;
  end
end
always_ff @(posedge clk_i) begin
  fv_slot_q <= fv_slot;
  fv_bank_q <= fv_bank;
  for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
    if (rsp_valid_i[b] && fv_bank == BankW'(b) && rsp_slot_i[b*SlotW+:SlotW] == fv_slot) begin
      fv_known_q  <= 1'b1;
      fv_answer_q <= {rsp_status_i[b*4+:4], rsp_slab_i[b*SlabW+:SlabW], rsp_quarter_i[b*2+:2],
                      rsp_bits_i[b*QuarterW+:QuarterW]};
    end
  end
  if (!fv_run_q) fv_known_q <= 1'b0;
end
logic [Width-1:0] fv_kept;
logic [NumBanks*Width-1:0] fv_rows;
for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_fv
  assign fv_rows[b*Width+:Width] = g_bank[b].memory[fv_slot];
end
always_comb begin
  fv_kept = '0;
  for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
    if (fv_bank == BankW'(b)) fv_kept = fv_rows[b*Width+:Width];
  end
end

logic [(1<<SlotW)-1:0] fv_fast;
always_comb begin
  fv_fast = '0;
  for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
    fv_fast = fv_fast | ((1 << SlotW)'(rsp_valid_i[b]) << rsp_slot_i[b*SlotW +: SlotW]);
  end
end

// The surroundings: an answer takes longer than a cycle, and there are no more answers than
// operations, and no more operations than slots.
always_comb begin
  assume (fv_answered <= fv_out_q - CountW'(fv_sent_q));
  assume (!sent_i || fv_out_q < CountW'(1 << SlotW));
  if (fv_run_q) begin
    fast_form: assert (coming == fv_fast);
    pending: assert (pending_o == (fv_out_q != '0));
    remembered: assert (refused_o == fv_refused_q && failed_o == fv_failed_q &&
                        came_o[fv_slot] == fv_came_q);
    reads_answer: assert (!fv_known_q || read_slot_i != fv_slot || read_bank_i != fv_bank ||
                          {read_status_o, read_slab_o, read_quarter_o, read_bits_o} == fv_answer_q);
    assert (!fv_known_q || fv_kept == fv_answer_q);
    assert (fv_sent_q == sent_q && fv_out_q == pending_q + CountW'(sent_q));
    assert (fv_out_q <= CountW'(1 << SlotW));
  end
end
