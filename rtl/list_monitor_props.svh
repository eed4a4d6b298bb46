// What list_monitor promises, for scripts/prove.
//
// The counts are told by what goes in at the ports, and compared with what the memories hold.
//
//@ proof short induction 2 sat,ind NumSources=2 NumLists=3 ValueW=8 UseBlock=1'b0 +u_counts:list_memory +u_water:list_memory +u_refusals.u_memory:list_memory
//@ see fv_counts u_counts.fv_model_q
//@ see fv_water_q u_water.fv_model_q
//@ see fv_counts_idx u_counts.cur_idx_q
//@ see fv_counts_next u_counts.read_idx_q
//@ see fv_water_idx u_water.cur_idx_q
//@ see fv_water_next u_water.read_idx_q
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
//@ wrong: s/offer_q & ~tell_ready_o/offer_q/
//@ kept: the memory holds these counts, of every list, however close the updates
//@ wrong: s/idx_i\(a_list_q\[IdxW-1:0\]\), \.cur_o\(e_cur\)/idx_i(s_list[IdxW-1:0]), .cur_o(e_cur)/
//@ shown: what a register read shows is the count, mark, threshold or bits as of its turn, once the sweep
//@   after a reset is over
//@ wrong: s/f_shown_q <= e_cur.low;/f_shown_q <= e_cur.high;/

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
logic [NumLists*ValueW-1:0] fv_use_f_q;
(* anyseq *) logic [(5*ValueW << IdxW)-1:0] fv_counts;
(* anyseq *) logic [(ValueW << IdxW)-1:0] fv_water_q;
(* anyseq *) logic [IdxW-1:0] fv_counts_idx, fv_counts_next, fv_water_idx, fv_water_next;
logic [NumLists-1:0] fv_kept;
logic [NumLists-1:0] fv_bits_q, fv_before_q;
logic fv_g_falls_q, fv_g_recovers_q, fv_h_falls_q, fv_h_recovers_q;
logic [NumLists-1:0] fv_above;
logic [ValueW-1:0] fv_use, fv_use_next, fv_total, fv_total_next, fv_out;
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
    fv_kept[l]  = fv_counts[l*5*ValueW +: 5*ValueW] ==
                  {fv_total_q[l*ValueW+:ValueW], fv_use_q[l*ValueW+:ValueW],
                   fv_out_q[l*ValueW+:ValueW], fv_low_q[l*ValueW+:ValueW],
                   fv_high_q[l*ValueW+:ValueW]};
    fv_above[l] = fv_wet[ValueW-1] || fv_wet <= fv_water_q[l*ValueW+:ValueW];
  end
end

// A read: asked for, its turn, and then from stage to stage (valid, of bits, list, address) with what
// it should show
logic fv_pend_q, fv_ask_bits_q, fv_reading;
logic [7:0] fv_ask_list_q;
logic [4:0] fv_ask_addr_q;
logic [14:0] fv_ra_q, fv_rb_q, fv_re_q, fv_rf_q, fv_rg_q, fv_rh_q, fv_rx_q;
logic [ValueW-1:0] fv_v_e, fv_vf_q, fv_v_f, fv_vg_q, fv_vh_q;
logic [31:0] fv_vx_q;
logic [13:0] fv_ask;
assign fv_ask = {fv_ask_bits_q, fv_ask_list_q, fv_ask_addr_q};
logic fv_ready_q;  // the sweep was over when it had its turn
logic fv_counted;  // it is told here: not before the end of the sweep, and not of the refusals
always_comb begin
  fv_reading = fv_pend_q || fv_ra_q[14] || fv_rb_q[14] || fv_re_q[14] || fv_rf_q[14] ||
               fv_rg_q[14] || fv_rh_q[14];
  fv_counted = fv_ready_q && fv_ask_addr_q != exalloc_pkg::RegListRefusalsOffset;
  fv_v_e = '0;
  fv_v_f = fv_vf_q;
  for (int unsigned l = 0; l < NumLists; l = l + 1) begin
    if (fv_re_q[12:5] == 8'(l)) begin
      case (fv_re_q[4:0])
        exalloc_pkg::RegListTotalOffset:     fv_v_e = fv_total_q[l*ValueW+:ValueW];
        exalloc_pkg::RegListInUseOffset:     fv_v_e = fv_use_q[l*ValueW+:ValueW];
        exalloc_pkg::RegListGrantedOffset:   fv_v_e = fv_out_q[l*ValueW+:ValueW];
        exalloc_pkg::RegDepletionLowOffset:  fv_v_e = fv_low_q[l*ValueW+:ValueW];
        exalloc_pkg::RegDepletionHighOffset: fv_v_e = fv_high_q[l*ValueW+:ValueW];
        default: fv_v_e = '0;
      endcase
    end
    if (fv_rf_q[12:5] == 8'(l) && fv_rf_q[4:0] == exalloc_pkg::RegListHighWaterOffset) begin
      fv_v_f = fv_water_q[l*ValueW+:ValueW];
    end
  end
end
always_ff @(posedge clk_i) begin
  if (lists_re_i || depleted_re_i) begin
    fv_pend_q     <= 1'b1;
    fv_ask_bits_q <= depleted_re_i;
    fv_ask_list_q <= depleted_re_i ? {depleted_index_i, 5'd0} : lists_index_i;
    fv_ask_addr_q <= lists_addr_i;
  end else if (slot_read_q) begin
    fv_pend_q <= 1'b0;
  end
  if (slot_read_q) fv_ready_q <= ready_o;
  fv_ra_q <= {slot_read_q, fv_ask_bits_q, fv_ask_list_q, fv_ask_addr_q};
  fv_rb_q <= fv_ra_q;
  fv_re_q <= fv_rb_q;
  fv_rf_q <= fv_re_q;
  fv_rg_q <= fv_rf_q;
  fv_rh_q <= fv_rg_q;
  fv_rx_q <= fv_rh_q;
  fv_vf_q <= fv_v_e;
  fv_vg_q <= fv_v_f;
  fv_vh_q <= (ready_o && 32'(fv_rg_q[12:5]) < NumLists) ? fv_vg_q : '0;
  fv_vx_q <= !fv_rh_q[13] ? 32'(fv_vh_q) : fv_rh_q[12:10] == '0 ? 32'(fv_bits_q) : '0;
  if (rst_i) begin
    fv_pend_q   <= 1'b0;
    fv_ra_q[14] <= 1'b0;
    fv_rb_q[14] <= 1'b0;
    fv_re_q[14] <= 1'b0;
    fv_rf_q[14] <= 1'b0;
    fv_rg_q[14] <= 1'b0;
    fv_rh_q[14] <= 1'b0;
    fv_rx_q[14] <= 1'b0;
  end
end
// Something is in the stage
logic fv_at_b, fv_at_e, fv_at_f;
assign fv_at_b = fv_b_q[FvOpW-1-:8] != '0 || fv_rb_q[14];
assign fv_at_e = fv_e_kind != '0 || fv_re_q[14];
assign fv_at_f = fv_f_kind != '0 || fv_rf_q[14];

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
// An update is of one kind, and what is told of blocks fits in seven bits.
logic [3:0] fv_alone;
logic [7:0] fv_kinds;
logic [ValueW-1:0] fv_amount;
always_comb begin
  for (int unsigned i = 0; i < 4; i = i + 1) begin
    {fv_kinds, fv_amount} = i == 0 ? {fv_a_q[FvOpW-1-:8], fv_a_q[ValueW-1:0]} :
                            i == 1 ? {fv_b_q[FvOpW-1-:8], fv_b_q[ValueW-1:0]} :
                            i == 2 ? {fv_e_kind, fv_e_operand} : {fv_f_kind, fv_f_operand};
    fv_alone[i] = (fv_kinds & (fv_kinds - 8'd1)) == '0 &&
                  (fv_kinds[7:6] == '0 || (fv_amount >> 7) == '0);
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
  // A read is answered before the next is asked for.
  assume (!(lists_re_i && depleted_re_i) && (!(lists_re_i || depleted_re_i) || !fv_reading));
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
    kept: assert (&fv_kept);
    shown: assert (lists_rvalid_o == (fv_rx_q[14] && !fv_rx_q[13]) &&
                   depleted_rvalid_o == (fv_rx_q[14] && fv_rx_q[13]) &&
                   (!(lists_rvalid_o && fv_counted) || lists_rdata_o == fv_vx_q) &&
                   (!depleted_rvalid_o || depleted_rdata_o == fv_vx_q));
    assert (&fv_alone);
    // Reads, stage by stage
    assert (fv_pend_q == (read_q || slot_read_q));
    assert (!fv_pend_q || {read_depleted_q, read_list_q, read_addr_q} ==
                          {fv_ask_bits_q, fv_ask_list_q, fv_ask_addr_q});
    assert ({a_kind_q.show_list, a_kind_q.show_depleted} ==
            {fv_ra_q[14] && !fv_ra_q[13], fv_ra_q[14] && fv_ra_q[13]} &&
            {b_kind_q.show_list, b_kind_q.show_depleted} ==
            {fv_rb_q[14] && !fv_rb_q[13], fv_rb_q[14] && fv_rb_q[13]} &&
            {e_kind_q.show_list, e_kind_q.show_depleted} ==
            {fv_re_q[14] && !fv_re_q[13], fv_re_q[14] && fv_re_q[13]} &&
            {f_kind_q.show_list, f_kind_q.show_depleted} ==
            {fv_rf_q[14] && !fv_rf_q[13], fv_rf_q[14] && fv_rf_q[13]} &&
            {g_kind_q.show_list, g_kind_q.show_depleted} ==
            {fv_rg_q[14] && !fv_rg_q[13], fv_rg_q[14] && fv_rg_q[13]} &&
            {h_show_list_q, h_show_depleted_q} ==
            {fv_rh_q[14] && !fv_rh_q[13], fv_rh_q[14] && fv_rh_q[13]});
    assert ((!fv_ra_q[14] || {a_list_q, a_addr_q} == fv_ra_q[12:0]) &&
            (!fv_rb_q[14] || {b_list_q, b_addr_q} == fv_rb_q[12:0]) &&
            (!fv_re_q[14] || {e_list_q, e_addr_q} == fv_re_q[12:0]) &&
            (!fv_rf_q[14] || {f_list_q, f_addr_q} == fv_rf_q[12:0]) &&
            (!fv_rg_q[14] || g_list_q == fv_rg_q[12:5]) &&
            (!fv_rh_q[14] || h_list_q == fv_rh_q[12:5]));
    assert ((4'(fv_pend_q) + 4'(fv_ra_q[14]) + 4'(fv_rb_q[14]) + 4'(fv_re_q[14]) +
             4'(fv_rf_q[14]) + 4'(fv_rg_q[14]) + 4'(fv_rh_q[14])) <= 4'd1);
    assert ((!fv_ra_q[14] || fv_ra_q[13:0] == fv_ask) && (!fv_rb_q[14] || fv_rb_q[13:0] == fv_ask) &&
            (!fv_re_q[14] || fv_re_q[13:0] == fv_ask) && (!fv_rf_q[14] || fv_rf_q[13:0] == fv_ask) &&
            (!fv_rg_q[14] || fv_rg_q[13:0] == fv_ask) && (!fv_rh_q[14] || fv_rh_q[13:0] == fv_ask));
    assert (!fv_rf_q[14] || !fv_counted || 32'(fv_rf_q[12:5]) >= NumLists || f_shown_q == fv_vf_q ||
            fv_rf_q[4:0] == exalloc_pkg::RegListHighWaterOffset);
    assert (!fv_rg_q[14] || !fv_counted || 32'(fv_rg_q[12:5]) >= NumLists || g_shown_q == fv_vg_q);
    assert (!fv_rh_q[14] || !fv_counted || h_shown_q == fv_vh_q);
    assert (!fv_reading || fv_pend_q || !fv_ready_q || ready_o);
    // The memories are read for the list of the stage
    assert ((!fv_at_b || fv_counts_next == b_list_q[IdxW-1:0]) &&
            (!fv_at_e || {fv_counts_idx, fv_water_next} == {2{e_list_q[IdxW-1:0]}}) &&
            (!fv_at_f || fv_water_idx == f_list_q[IdxW-1:0]));
    assert (ready_o || {fv_a_q[FvOpW-1-:8], fv_b_q[FvOpW-1-:8], fv_e_kind, fv_f_kind} == '0);
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
    // Open and close never make a list depleted
    assert ((!fv_a_q[FvOpW-6] || fv_a_q[FvOpW-1-:8] == 8'h04) &&
            (!fv_b_q[FvOpW-6] || fv_b_q[FvOpW-1-:8] == 8'h04) &&
            (!fv_e_kind[2] || fv_e_kind == 8'h04) && (!fv_f_kind[2] || fv_f_kind == 8'h04));
    assert (!fv_f_kind[3] || fv_f_low == '0);
    assert (!(fv_g_quiet_q && fv_g_falls_q) && !(fv_h_quiet_q && fv_h_falls_q));
    assert (!(fv_g_falls_q && fv_g_recovers_q) && !(fv_h_falls_q && fv_h_recovers_q));
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
