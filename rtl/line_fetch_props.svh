// What line_fetch promises by itself, for scripts/prove; what it promises together with the portal
// table is in portal_side_formal.svh.
//
//@ proof short induction 3 sat,pdr NumPortals=2 BufferW=2 MaxBursts=4
//@ ar_stays: a read that was offered stays the same until the bus takes it
//@ wrong: s/if \(out_room\) begin/if (out_room || ar_valid) begin/
//@ in_its_block: a burst stays within a block of 4 lines, so it never crosses 4 KiB or the end of the ring
//@ wrong: s/count      = left < block_left \? left : block_left/count = left/
//@ in_its_slot: a burst begins in the slot of its first line: the number of the line modulo the ring
//@ wrong: s/p1_ptr_q & ring_mask, 6'd0/p1_ptr_q, 6'd0/
//@ quiet_is_quiet: quiet_o is high only with no read offered or under way
//@ wrong: s/quiet_o <= bus_q == '0 && !open_q && !m_axi_arvalid_o/quiet_o <= bus_q == '0 \&\& !m_axi_arvalid_o/

logic        fv_wait_q;
logic [65:0] fv_ar_q;
logic [3:0]  fv_ring2_q, fv_ring3_q;
logic [15:0] fv_mask3;
assign fv_mask3 = ~(16'hffff << fv_ring3_q);
always_ff @(posedge clk_i) begin
  fv_wait_q <= !rst_i && m_axi_arvalid_o && !m_axi_arready_i;
  fv_ar_q   <= {m_axi_arlen_o[1:0], m_axi_araddr_o};
  if (advance) begin
    fv_ring2_q <= p1_ring_q;
    fv_ring3_q <= fv_ring2_q;
  end
end

always_comb begin
  // A ring has 16 to 1,024 lines and is aligned to its size; lines come only when asked for.
  assume (f_ring_log2_i >= 4'd4 && f_ring_log2_i <= 4'd10);
  assume ((f_base_i[21:6] & ~(16'hffff << f_ring_log2_i)) == '0);
  assume (!(m_axi_rvalid_i && m_axi_rready_o) || bus_q > OutW'(m_axi_arvalid_o) + OutW'(done));
  if (fv_run_q) begin
    ar_stays: assert (!fv_wait_q || (m_axi_arvalid_o && {m_axi_arlen_o[1:0], m_axi_araddr_o} == fv_ar_q));
    in_its_block: assert (!(p3_q && p3_go_q) ||
                          (p3_count_q != '0 && {1'b0, p3_ptr_q[1:0]} + p3_count_q <= 3'd4));
    in_its_slot: assert (!p3_q || ((p3_addr_q[21:6] ^ p3_ptr_q) & fv_mask3) == '0);
    quiet_is_quiet: assert (!quiet_o || (bus_q == '0 && !m_axi_arvalid_o));
    assert (!p1_q || ((p1_base_q[21:6] & ring_mask) == '0 && p1_ring_q >= 4'd4));
    assert (!p2_q || ((p2_addr_q[21:6] ^ p2_ptr_q) & ~(16'hffff << fv_ring2_q)) == '0);
    assert (m_axi_arlen_o[7:2] == '0 || !m_axi_arvalid_o);
    assert (bus_q >= OutW'(m_axi_arvalid_o) + OutW'(done));
  end
end
