// What list_monitor promises, for scripts/prove.
//
// The counts are told by what goes in at the ports. By induction with what list_memory promises
// (list_memory_props.svh) assumed of the two memories; and with the memories themselves, for a
// number of cycles.
//
//@ proof short induction 3 sat,z3 NumSources=2 NumLists=2 ValueW=8 UseBlock=1'b0
//@ in_use: of every list, in use is what was handed out less what was given back since open, and
//@   granted what was handed out
//@ wrong: s/carry_i\(e_kind_q.released\)/carry_i(1'b0)/
//@ total: of every list, the total is what was linked less what was trimmed since open
//@ wrong: s/e_kind_q.linked \|\| e_kind_q.trimmed\}\}/e_kind_q.linked}}/
//@ above: the high-water mark is never below what is in use
//@ wrong: s/a_i\(f_water\), \.b_i\(f_in_use_q\)/a_i(f_water), .b_i(f_in_use_q - 1'b1)/
//@ attained: the high-water mark only ever becomes what is in use then, and more than it was, or 0
//@   when the list is opened
//@ wrong: s/f_kind_q.open \? '0 : f_in_use_q/f_kind_q.open ? '0 : f_total_q/
//@ hysteresis: a depleted bit is set when fewer than low are free, cleared when at least high and low
//@   are, cleared by close, and else left alone
//@ wrong: s/f_high_below \? f_low_q : f_high_q/f_high_q/
//@ pulse: depletion_o tells of a changed bit, but for open and close; cnt_depletion_o of a set one
//@ wrong: s/h_clear_q && !h_silent_q/h_clear_q/
//@ alone: an update of one list changes neither counts nor mark nor bit of another
//@ wrong: s/if \(h_list_q == 8'\(l\)\)/if (h_list_q == 8'(l) || h_clear_q)/
//@ once: one update at a time, only of a source that offers one
//@ wrong: s/tell_valid_i & ~tell_ready_o/tell_valid_i/
//@ proof full bounded 16 bmc3,sat@12 NumSources=2 NumLists=2 ValueW=8 UseBlock=1'b0 -DFV_WHOLE
//@ in_use: of every list, in use is what was handed out less what was given back since open, and
//@   granted what was handed out
//@ wrong list_memory: s/newer_q    <= changed/newer_q <= 1'b0 \&\& changed/
//@ above: the high-water mark is never below what is in use
//@ wrong: s/idx_i\(b_list_q\[IdxW-1:0\]\), \.cur_o\(f_water\)/idx_i(a_list_q[IdxW-1:0]), .cur_o(f_water)/
//@ hysteresis: a depleted bit is set when fewer than low are free, cleared when at least high and low
//@   are, cleared by close, and else left alone
//@ wrong: s/if \(e_kind_q.open\) e_next = '0/if (e_kind_q.open) e_next.total = '0/

localparam int unsigned FvOpW = 8 + 8 + ValueW;

// What is taken in this cycle, as the ports say: kind, list, operand; and on its way.
logic [7:0] fv_kind, fv_e_kind, fv_f_kind;
logic [7:0] fv_list, fv_e_list, fv_f_list;
logic [ValueW-1:0] fv_operand, fv_e_operand, fv_f_operand;
logic [FvOpW-1:0] fv_a_q, fv_b_q, fv_e_q, fv_f_q;
logic [7:0] fv_g_list_q, fv_h_list_q, fv_x_list_q;
logic fv_g_quiet_q, fv_h_quiet_q, fv_x_quiet_q;
logic fv_write_q, fv_write_high_q;
logic [7:0] fv_write_list_q;
logic [ValueW-1:0] fv_write_value_q;
always_comb begin
  fv_kind    = '0;
  fv_list    = '0;
  fv_operand = '0;
  for (int unsigned s = 0; s < NumSources; s = s + 1) begin
    if (tell_valid_i[s] && tell_ready_o[s]) begin
      fv_kind    = tell_release_i[s] ? 8'h40 : 8'h80;
      fv_list    = tell_list_i[s*8+:8];
      fv_operand = ValueW'(tell_count_i[s*7+:7]);
    end
  end
  if (mon_valid_i && mon_ready_o) begin
    fv_kind    = mon_kind_i == exalloc_pkg::BankOpLink ? 8'h20 :
                 mon_kind_i == exalloc_pkg::BankOpTrim ? 8'h10 :
                 mon_kind_i == exalloc_pkg::BankOpOpen ? 8'h08 :
                 mon_kind_i == exalloc_pkg::BankOpClose ? 8'h04 : 8'h00;
    fv_list    = mon_list_i;
    fv_operand = mon_blocks_i[ValueW-1:0];
  end
  if (fv_write_q) begin
    fv_kind    = fv_write_high_q ? 8'h01 : 8'h02;
    fv_list    = fv_write_list_q;
    fv_operand = fv_write_value_q;
  end
end
assign {fv_e_kind, fv_e_list, fv_e_operand} = fv_e_q;
assign {fv_f_kind, fv_f_list, fv_f_operand} = fv_f_q;

// The counts after all that has passed E; the marks as they were written; the bits.
logic [NumLists*ValueW-1:0] fv_use_q, fv_out_q, fv_total_q, fv_low_q, fv_high_q;
logic [NumLists*ValueW-1:0] fv_use_d, fv_out_d, fv_total_d, fv_low_d, fv_high_d;
logic [NumLists*ValueW-1:0] fv_use_f_q, fv_water_q;
logic [NumLists-1:0] fv_bits_q, fv_before_q;
logic fv_g_falls_q, fv_g_recovers_q, fv_h_falls_q, fv_h_recovers_q;
logic [NumLists-1:0] fv_above;
logic [ValueW-1:0] fv_use, fv_use_next, fv_total, fv_total_next, fv_out, fv_low, fv_high;
logic [ValueW-1:0] fv_out_next, fv_low_next, fv_high_next;
logic [ValueW-1:0] fv_f_total, fv_f_use, fv_f_free, fv_f_low, fv_f_high, fv_f_water, fv_wet;
logic fv_e_any, fv_f_any;

assign fv_e_any = fv_e_kind[7:3] != '0 || fv_e_kind[1:0] != '0;  // all but close
assign fv_f_any = fv_f_kind[7:3] != '0 || fv_f_kind[1:0] != '0;
always_comb begin
  fv_use_d      = fv_use_q;
  fv_out_d      = fv_out_q;
  fv_total_d    = fv_total_q;
  fv_low_d      = fv_low_q;
  fv_high_d     = fv_high_q;
  fv_use        = '0;
  fv_use_next   = '0;
  fv_total      = '0;
  fv_total_next = '0;
  fv_out        = '0;
  fv_low        = '0;
  fv_high       = '0;
  fv_out_next   = '0;
  fv_low_next   = '0;
  fv_high_next  = '0;
  fv_f_use      = '0;
  fv_f_total    = '0;
  fv_f_free     = '0;
  fv_f_low      = '0;
  fv_f_high     = '0;
  fv_f_water    = '0;
  for (int unsigned l = 0; l < NumLists; l = l + 1) begin
    if (fv_e_list == 8'(l)) begin
      fv_out   = fv_out_q[l*ValueW+:ValueW];
      fv_low   = fv_low_q[l*ValueW+:ValueW];
      fv_high  = fv_high_q[l*ValueW+:ValueW];
      fv_use   = fv_use_q[l*ValueW+:ValueW];
      fv_total = fv_total_q[l*ValueW+:ValueW];
      if (fv_e_kind[7]) fv_out_d[l*ValueW+:ValueW] = fv_out + fv_e_operand;
      if (fv_e_kind[7]) fv_use_d[l*ValueW+:ValueW] = fv_use + fv_e_operand;
      if (fv_e_kind[6]) fv_use_d[l*ValueW+:ValueW] = fv_use - fv_e_operand;
      if (fv_e_kind[5]) fv_total_d[l*ValueW+:ValueW] = fv_total + fv_e_operand;
      if (fv_e_kind[4]) fv_total_d[l*ValueW+:ValueW] = fv_total - fv_e_operand;
      if (fv_e_kind[1]) fv_low_d[l*ValueW+:ValueW] = fv_e_operand;
      if (fv_e_kind[0]) fv_high_d[l*ValueW+:ValueW] = fv_e_operand;
      if (fv_e_kind[3]) begin
        fv_use_d[l*ValueW+:ValueW]   = '0;
        fv_out_d[l*ValueW+:ValueW]   = '0;
        fv_total_d[l*ValueW+:ValueW] = '0;
        fv_low_d[l*ValueW+:ValueW]   = '0;
        fv_high_d[l*ValueW+:ValueW]  = '0;
      end
      fv_out_next   = fv_out_d[l*ValueW+:ValueW];
      fv_low_next   = fv_low_d[l*ValueW+:ValueW];
      fv_high_next  = fv_high_d[l*ValueW+:ValueW];
      fv_use_next   = fv_use_d[l*ValueW+:ValueW];
      fv_total_next = fv_total_d[l*ValueW+:ValueW];
    end
    if (fv_f_list == 8'(l)) begin
      fv_f_use   = fv_use_q[l*ValueW+:ValueW];
      fv_f_total = fv_total_q[l*ValueW+:ValueW];
      fv_f_free  = fv_f_total - fv_f_use;
      if (fv_f_free[ValueW-1]) fv_f_free = '0;
      fv_f_low   = fv_low_q[l*ValueW+:ValueW];
      fv_f_high  = fv_high_q[l*ValueW+:ValueW];
      fv_f_water = fv_water_q[l*ValueW+:ValueW];
    end
    fv_wet      = fv_use_f_q[l*ValueW+:ValueW];
    fv_above[l] = fv_wet[ValueW-1] || fv_wet <= fv_water_q[l*ValueW+:ValueW];
  end
end

logic fv_bit_alone;
assign fv_bit_alone =
    ((depleted_q[NumLists-1:0] ^ fv_before_q) & ~(NumLists'(1) << fv_x_list_q)) == '0;

logic [NumSources-1:0] fv_held_q;
logic [NumSources*16-1:0] fv_offer, fv_offer_q;
logic [3:0] fv_taken;
always_comb begin
  fv_taken = 4'(mon_ready_o) + 4'(write_q) + 4'(slot_read_q);
  for (int unsigned s = 0; s < NumSources; s = s + 1) begin
    fv_offer[s*16+:16] = {tell_release_i[s], tell_list_i[s*8+:8], tell_count_i[s*7+:7]};
    fv_taken = fv_taken + 4'(tell_ready_o[s]);
  end
end
logic fv_mon_held_q;
logic [42:0] fv_mon_q;

always_ff @(posedge clk_i) begin
  fv_a_q <= {fv_kind, fv_list, fv_operand};
  fv_b_q <= fv_a_q;
  fv_e_q <= fv_b_q;
  fv_f_q <= fv_e_q;
  fv_g_list_q  <= fv_f_list;
  fv_h_list_q  <= fv_g_list_q;
  fv_x_list_q  <= fv_h_list_q;
  fv_g_quiet_q <= fv_f_kind[3:2] != '0;
  fv_h_quiet_q <= fv_g_quiet_q;
  fv_x_quiet_q <= fv_h_quiet_q;
  fv_write_q       <= lists_we_i && ready_o && 32'(lists_index_i) < NumLists &&
                      (lists_addr_i == exalloc_pkg::RegDepletionLowOffset ||
                       lists_addr_i == exalloc_pkg::RegDepletionHighOffset);
  fv_write_high_q  <= lists_addr_i == exalloc_pkg::RegDepletionHighOffset;
  fv_write_list_q  <= lists_index_i;
  fv_write_value_q <= lists_wdata_i[ValueW-1:0];
  fv_use_q     <= fv_use_d;
  fv_out_q     <= fv_out_d;
  fv_total_q   <= fv_total_d;
  fv_low_q     <= fv_low_d;
  fv_high_q    <= fv_high_d;
  fv_use_f_q   <= fv_use_q;
  for (int unsigned l = 0; l < NumLists; l = l + 1) begin
    if ((f_kind_q.open || f_rises) && f_list_q == 8'(l)) begin
      fv_water_q[l*ValueW+:ValueW] <= f_water_next;
    end
    if (fv_h_list_q == 8'(l)) begin
      if (fv_bits_q[l] ? fv_h_recovers_q : fv_h_falls_q) fv_bits_q[l] <= !fv_bits_q[l];
    end
  end
  fv_g_falls_q    <= fv_f_any && fv_f_free < fv_f_low;
  fv_g_recovers_q <= fv_f_kind[2] ||
                     (fv_f_any && fv_f_free >= fv_f_low && fv_f_free >= fv_f_high);
  fv_h_falls_q    <= fv_g_falls_q;
  fv_h_recovers_q <= fv_g_recovers_q;
  fv_before_q <= depleted_q[NumLists-1:0];
  fv_held_q     <= tell_valid_i & ~tell_ready_o & {NumSources{!rst_i}};
  fv_offer_q    <= fv_offer;
  fv_mon_held_q <= mon_valid_i && !mon_ready_o && !rst_i;
  fv_mon_q      <= {mon_kind_i, mon_list_i, mon_blocks_i};
  if (rst_i) begin
    fv_a_q <= '0;
    fv_b_q <= '0;
    fv_e_q <= '0;
    fv_f_q <= '0;
    fv_write_q   <= 1'b0;
    fv_use_q     <= '0;
    fv_out_q     <= '0;
    fv_total_q   <= '0;
    fv_low_q     <= '0;
    fv_high_q    <= '0;
    fv_use_f_q   <= '0;
    fv_water_q   <= '0;
    fv_bits_q    <= '0;
    fv_g_quiet_q    <= 1'b0;
    fv_g_falls_q    <= 1'b0;
    fv_g_recovers_q <= 1'b0;
    fv_h_falls_q    <= 1'b0;
    fv_h_recovers_q <= 1'b0;
    fv_before_q  <= '0;
  end
end

// The surroundings: an offer stands until it is taken, lists exist, and fewer than half of what a
// number can be are in use.
logic [NumSources-1:0] fv_steady, fv_exist;
always_comb begin
  for (int unsigned s = 0; s < NumSources; s = s + 1) begin
    fv_steady[s] = !fv_held_q[s] || (tell_valid_i[s] && fv_offer[s*16+:16] == fv_offer_q[s*16+:16]);
    fv_exist[s]  = 32'(tell_list_i[s*8+:8]) < NumLists;
  end
  assume (&fv_steady && &fv_exist);
  assume (!fv_mon_held_q || (mon_valid_i && fv_mon_q == {mon_kind_i, mon_list_i, mon_blocks_i}));
  assume (32'(mon_list_i) < NumLists);
  assume (!fv_e_kind[7] || fv_use[ValueW-1] || !fv_use_next[ValueW-1]);
  assume (!fv_e_kind[6] || !fv_use[ValueW-1] || fv_use_next[ValueW-1]);
`ifndef FV_WHOLE
  // What list_memory promises.
  assume (fv_e_kind == '0 || e_cur == {fv_total, fv_use, fv_out, fv_low, fv_high});
  assume (fv_f_kind == '0 || f_water == fv_f_water);
`endif
end

always_comb begin
  if (fv_run_q) begin
    in_use: assert (!fv_e_any || (e_next.in_use == fv_use_next && e_next.granted == fv_out_next));
    total: assert (!fv_e_any || e_next.total == fv_total_next);
    above: assert (&fv_above);
    attained: assert (!(f_kind_q.open || f_rises) ||
                      (f_water_next == fv_f_use && (fv_f_kind[3] || f_water_next > fv_f_water)));
    hysteresis: assert (depleted_q[NumLists-1:0] == fv_bits_q);
    pulse: assert (depletion_o == (depleted_q[NumLists-1:0] != fv_before_q && !fv_x_quiet_q) &&
                   cnt_depletion_o == ((depleted_q[NumLists-1:0] & ~fv_before_q) != '0));
    alone: assert ((e_changes == fv_e_any) && (!fv_e_any || e_list_q == fv_e_list) &&
                   (!(f_kind_q.open || f_rises) || f_list_q == fv_f_list) && fv_bit_alone);
    once: assert (fv_taken <= 4'd1 && (tell_ready_o & ~tell_valid_i) == '0 &&
                  (!mon_ready_o || mon_valid_i));
    assert (!fv_e_any || (e_next.low == fv_low_next && e_next.high == fv_high_next));
    // What is on its way, stage by stage
    assert ({a_kind_q.granted, a_kind_q.released, a_kind_q.linked, a_kind_q.trimmed, a_kind_q.open,
             a_kind_q.close, a_kind_q.set_low, a_kind_q.set_high} == fv_a_q[FvOpW-1-:8]);
    assert ({b_kind_q.granted, b_kind_q.released, b_kind_q.linked, b_kind_q.trimmed, b_kind_q.open,
             b_kind_q.close, b_kind_q.set_low, b_kind_q.set_high} == fv_b_q[FvOpW-1-:8]);
    assert ({e_kind_q.granted, e_kind_q.released, e_kind_q.linked, e_kind_q.trimmed, e_kind_q.open,
             e_kind_q.close, e_kind_q.set_low, e_kind_q.set_high} == fv_e_kind);
    assert ({f_kind_q.granted, f_kind_q.open, f_kind_q.close} ==
            {fv_f_kind[7], fv_f_kind[3], fv_f_kind[2]} && f_changes_q == fv_f_any);
    assert ((g_kind_q.open || g_kind_q.close) == fv_g_quiet_q);
    assert (!h_clear_q || h_silent_q == fv_h_quiet_q);
    assert ((fv_a_q[FvOpW-1-:8] == '0 || {a_list_q, a_operand_q} == fv_a_q[ValueW+7:0]) &&
            (fv_b_q[FvOpW-1-:8] == '0 || {b_list_q, b_operand_q} == fv_b_q[ValueW+7:0]) &&
            (fv_e_kind == '0 || {e_list_q, e_operand_q} == {fv_e_list, fv_e_operand}));
    assert (fv_f_kind == '0 || f_list_q == fv_f_list);
    assert (!fv_f_any || {f_total_q, f_in_use_q, f_low_q, f_high_q} ==
                         {fv_f_total, fv_f_use, fv_f_low, fv_f_high});
    assert (!(g_changes_q || g_kind_q.close || fv_g_falls_q || fv_g_recovers_q) ||
            g_list_q == fv_g_list_q);
    assert (!(h_set_q || h_clear_q || fv_h_falls_q || fv_h_recovers_q) || h_list_q == fv_h_list_q);
    assert ((g_changes_q && g_below) == fv_g_falls_q &&
            (g_kind_q.close || (g_changes_q && !g_short)) == fv_g_recovers_q);
    assert (h_set_q == fv_h_falls_q && h_clear_q == fv_h_recovers_q);
    assert (!(fv_g_falls_q || fv_g_recovers_q) || 32'(fv_g_list_q) < NumLists);
    assert (!(fv_h_falls_q || fv_h_recovers_q) || 32'(fv_h_list_q) < NumLists);
    assert ({fv_a_q[FvOpW-1-:8] != '0 && 32'(fv_a_q[ValueW+:8]) >= NumLists,
             fv_b_q[FvOpW-1-:8] != '0 && 32'(fv_b_q[ValueW+:8]) >= NumLists,
             fv_e_kind != '0 && 32'(fv_e_list) >= NumLists,
             fv_f_kind != '0 && 32'(fv_f_list) >= NumLists} == '0);
    assert (fv_write_q == write_q && (!write_q || (write_list_q == fv_write_list_q &&
            write_high_q == fv_write_high_q && wdata_q[ValueW-1:0] == fv_write_value_q)));
  end
end
